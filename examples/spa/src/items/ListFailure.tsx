import { address } from "../api/address";
import type { Failure } from "../api/failure";
import { FailureText } from "../ui/FailureText";
import { Icon } from "../ui/icons";
import { PassingButton } from "../ui/PassingButton";
import { useCountdown } from "../ui/useCountdown";

interface Props {
  failure: Failure;
  /** The id of what gets the focus when all this goes away. */
  heir: string;
  onRetry: () => void;
  onSignIn: () => void;
}

/** Why there is no list, and what to do about it. */
export function ListFailure({ failure, heir, onRetry, onSignIn }: Props) {
  const wait = useCountdown(failure);
  if (failure.status === 401) {
    return (
      <div class="empty">
        <Icon name="lock" />
        <p>Sign in to see your items.</p>
        <PassingButton class="primary" heir={heir} onClick={onSignIn}>
          Sign in
        </PassingButton>
      </div>
    );
  }
  return (
    <div class="empty">
      <Icon name="warning" />
      <FailureText failure={failure} />
      {failure.status === 0 && (
        // A browser doesn't tell a page whether the server is down or refuses the page's origin.
        <p class="hint">
          Is the API running at <code>{address}</code>, and is <code>{location.origin}</code> among
          its <code>CORS_ORIGINS</code>?
        </p>
      )}
      <PassingButton heir={heir} isDisabled={wait > 0} onClick={() => wait === 0 && onRetry()}>
        {wait > 0 ? `Try again in ${wait} s` : "Try again"}
      </PassingButton>
    </div>
  );
}
