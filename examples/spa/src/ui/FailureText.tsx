import type { Failure } from "../api/failure";

interface Props {
  failure: Failure;
  /** What to say of it, if that isn't its message. */
  messages?: readonly string[];
}

/** What went wrong, read out at once, with what names it in the server's log. */
export function FailureText({ failure, messages = [failure.message] }: Props) {
  return (
    <div role="alert" class="failure">
      {messages.map((message) => (
        <p key={message}>{message}</p>
      ))}
      {failure.requestId !== "" && (
        <p class="hint">
          Request id: <code>{failure.requestId}</code>
        </p>
      )}
    </div>
  );
}
