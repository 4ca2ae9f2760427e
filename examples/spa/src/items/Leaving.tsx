import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Item } from "../api/items";
import { Icon } from "../ui/icons";

interface Props {
  item: Item;
  /** The id of what gets the focus when the row has gone and no other is there. */
  heir: string;
  onUndo: () => void;
  /** The time is up, or the row has gone for another reason. An undo is followed by it, too. */
  onElapsed: () => void;
}

const UNDO_FOR = 8000; // milliseconds

/**
 * Stands where an item was, and leaves time to undo its deletion. The time stands still while the
 * pointer is over it, or the focus of somebody who uses the keyboard is in it.
 */
export function Leaving({ item, heir, onUndo, onElapsed }: Props) {
  const undo = useRef<HTMLButtonElement>(null);
  const [isHovered, setIsHovered] = useState(false);
  const [isFocused, setIsFocused] = useState(false);
  const isHeld = isHovered || isFocused;

  useLayoutEffect(() => {
    const row = undo.current?.closest("li");
    undo.current?.focus();
    return () => {
      onElapsed();
      if (row?.contains(document.activeElement)) handFocusOn(row, heir);
    };
  }, []);

  useLayoutEffect(() => {
    if (isHeld) return;
    const timer = setTimeout(onElapsed, UNDO_FOR);
    return () => clearTimeout(timer);
  }, [isHeld]);

  return (
    <div
      class="leaving"
      onPointerEnter={(event) => setIsHovered(event.pointerType === "mouse")}
      onPointerLeave={() => setIsHovered(false)}
    >
      <p>
        Deleted <strong>{item.name}</strong>
      </p>
      <button
        ref={undo}
        type="button"
        aria-label={`Undo deleting ${item.name}`}
        onFocus={(event) => setIsFocused(event.currentTarget.matches(":focus-visible"))}
        onBlur={() => setIsFocused(false)}
        onClick={onUndo}
      >
        <Icon name="undo" />
        Undo
      </button>
    </div>
  );
}

/** To the last button of the item, if it is back, or else of a neighbour. */
function handFocusOn(row: HTMLElement, heir: string): void {
  const neighbour = row.nextElementSibling ?? row.previousElementSibling;
  // Once the page has been redrawn.
  queueMicrotask(() => {
    const buttons = (row.isConnected ? row : neighbour)?.querySelectorAll("button") ?? [];
    (Array.from(buttons).at(-1) ?? document.getElementById(heir))?.focus();
  });
}
