import type { Failure } from "../api/failure";
import { FailureText } from "./FailureText";
import { Icon } from "./icons";

/** A sentence about what was done, or a failure that belongs to no place on the page. */
export interface Notice {
  text: string;
  failure?: Failure;
}

interface Props {
  notice: Notice | null;
  onDismiss: () => void;
}

/**
 * Says what has happened, on the screen and to screen readers. What was done fades from the screen
 * (dialog.css), what failed stays until it is dismissed.
 */
export function Notices({ notice, onDismiss }: Props) {
  const failure = notice?.failure;
  return (
    <div class="notices">
      {/* There before anything is in it: else screen readers don't notice. */}
      <div role="status">
        {notice !== null && failure === undefined && (
          <p key={notice.text} class="notice">
            {notice.text}
          </p>
        )}
      </div>
      {notice !== null && failure !== undefined && (
        <div class="notice is-failure">
          <Icon name="warning" />
          <FailureText failure={failure} messages={[notice.text]} />
          <button type="button" class="quiet" aria-label="Dismiss" onClick={onDismiss}>
            <Icon name="close" />
          </button>
        </div>
      )}
    </div>
  );
}
