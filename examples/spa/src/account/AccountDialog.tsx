import { useState } from "preact/hooks";
import { register, signIn } from "../api/session";
import { Dialog } from "../ui/Dialog";
import { Field } from "../ui/Field";
import { Form } from "../ui/Form";
import { useAttempt } from "../ui/useAttempt";

interface Props {
  onSignedIn: (email: string) => void;
  onClose: () => void;
}

/** OAuth calls it otherwise than the rest of the API. */
const EMAIL = { signingIn: "/username", registering: "/email" };
const POINTERS = [EMAIL.signingIn, EMAIL.registering, "/password"];

/** Signs in, or makes an account and signs in with that. */
export function AccountDialog({ onSignedIn, onClose }: Props) {
  const [isNew, setIsNew] = useState(false);
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const { isBusy, failure, attempt } = useAttempt();
  const errorsAt = (pointer: string) => failure?.at(pointer) ?? [];

  async function submit(): Promise<void> {
    if (isNew) await register(email, password);
    setIsNew(false); // Should signing in fail now, it is that which is to be tried again.
    await signIn(email, password);
    onSignedIn(email);
  }

  return (
    <Dialog title={isNew ? "Create an account" : "Sign in"} onCancel={onClose}>
      <Form
        failure={failure}
        pointers={POINTERS}
        submitLabel={isNew ? "Create account" : "Sign in"}
        isBusy={isBusy}
        onSubmit={() => attempt(submit)}
        onCancel={onClose}
      >
        <Field label="Email" errors={errorsAt(isNew ? EMAIL.registering : EMAIL.signingIn)}>
          {(control) => (
            <input
              {...control}
              type="email"
              autoComplete="username"
              value={email}
              onInput={(event) => setEmail(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field
          label="Password"
          hint={isNew ? "12 characters or more." : ""}
          errors={errorsAt("/password")}
        >
          {(control) => (
            <input
              {...control}
              type="password"
              autoComplete={isNew ? "new-password" : "current-password"}
              value={password}
              onInput={(event) => setPassword(event.currentTarget.value)}
            />
          )}
        </Field>
        <p class="hint">
          {isNew ? "You have an account? " : "No account yet? "}
          <button type="button" class="link" onClick={() => setIsNew(!isNew)}>
            {isNew ? "Sign in" : "Create one"}
          </button>
        </p>
      </Form>
    </Dialog>
  );
}
