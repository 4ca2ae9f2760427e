import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface ControlProps {
  id: string;
  "aria-describedby": string;
  "aria-invalid": boolean;
}

interface Props {
  label: string;
  hint?: string;
  errors: readonly string[];
  /** Draws the control, which takes these properties. */
  children: (control: ControlProps) => ComponentChildren;
}

/** A control with its label, and with what is wrong with it. */
export function Field({ label, hint, errors, children }: Props) {
  const id = useId();
  const notes = `${id}-notes`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": notes, "aria-invalid": errors.length > 0 })}
      <div id={notes}>
        {errors.map((error) => (
          <p key={error} class="error">
            {error}
          </p>
        ))}
        {hint !== undefined && <p class="hint">{hint}</p>}
      </div>
    </div>
  );
}
