import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Failure } from "../api/failure";
import { FailureText } from "./FailureText";
import { useCountdown } from "./useCountdown";

interface Props {
  /** What the last attempt failed of. */
  failure: Failure | null;
  /** The JSON pointers of which the fields show the errors themselves. */
  pointers: readonly string[];
  submitLabel: string;
  isBusy: boolean;
  onSubmit: () => void;
  onCancel: () => void;
  children: ComponentChildren;
}

/** A form that leaves validation to the server, and leads to the first field that it complains of. */
export function Form({ failure, pointers, submitLabel, isBusy, children, ...on }: Props) {
  const form = useRef<HTMLFormElement>(null);
  const wait = useCountdown(failure);
  const messages = failure?.elsewhere(pointers) ?? [];
  const isWorthRetrying = failure !== null && (failure.status === 0 || failure.status >= 500);

  useLayoutEffect(() => {
    form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [failure]);

  return (
    <form
      ref={form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (wait === 0) on.onSubmit();
      }}
    >
      {children}
      {failure !== null && messages.length > 0 && (
        <FailureText failure={failure} messages={messages} />
      )}
      <div class="dialog-actions">
        <button type="button" onClick={on.onCancel}>
          Cancel
        </button>
        <button type="submit" class="primary" aria-disabled={isBusy || wait > 0}>
          {wait > 0 ? `Try again in ${wait} s` : isWorthRetrying ? "Try again" : submitLabel}
        </button>
      </div>
    </form>
  );
}
