import { useEffect, useRef, useState } from "preact/hooks";
import { Failure } from "../api/failure";
import { deleteItem, type Item } from "../api/items";

interface Outcomes {
  onSent: (item: Item) => void;
  /** The server didn't delete the item. */
  onKept: (item: Item, failure: Failure) => void;
}

/** Deletions that can still be undone: nothing is sent to the server before send() or sendAll(). */
export function useDeletions({ onSent, onKept }: Outcomes) {
  const waiting = useRef(new Map<string, Item>()).current;
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const update = () => setIds(new Set(waiting.keys()));

  function mark(item: Item): void {
    waiting.set(item.id, item);
    update();
  }

  function undo(item: Item): void {
    waiting.delete(item.id);
    update();
  }

  /** Deletes an item that is marked; does nothing if that was undone, or sent already. */
  async function send(item: Item, keepalive = false): Promise<void> {
    if (!waiting.delete(item.id)) return;
    update();
    onSent(item);
    try {
      await deleteItem(item, keepalive);
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      // Not there any more: somebody else has deleted it, which is as well.
      if (failure.status !== 404) onKept(item, failure);
    }
  }

  async function sendAll(keepalive = false): Promise<void> {
    await Promise.all([...waiting.values()].map((item) => send(item, keepalive)));
  }

  // Whoever closes the page doesn't undo any more; the requests outlive it.
  useEffect(() => {
    const leave = () => void sendAll(true);
    window.addEventListener("pagehide", leave);
    return () => window.removeEventListener("pagehide", leave);
  }, []);

  return { ids, mark, undo, send, sendAll };
}

export type Deletions = ReturnType<typeof useDeletions>;
