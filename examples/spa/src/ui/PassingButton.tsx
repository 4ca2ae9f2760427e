import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

interface Props {
  class?: string;
  isDisabled?: boolean;
  /** The id of what gets the focus that would be lost with the button. */
  heir: string;
  onClick: () => void;
  children: ComponentChildren;
}

/** A button that goes away when it has done its work. */
export function PassingButton({ heir, isDisabled = false, children, ...props }: Props) {
  const button = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    const element = button.current;
    return () => {
      if (element === document.activeElement) document.getElementById(heir)?.focus();
    };
  }, []);
  return (
    <button {...props} ref={button} type="button" aria-disabled={isDisabled}>
      {children}
    </button>
  );
}
