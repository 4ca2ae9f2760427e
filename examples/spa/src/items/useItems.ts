import { useEffect, useRef, useState } from "preact/hooks";
import { Failure } from "../api/failure";
import { type Item, type ItemPage, type ListQuery, listItems } from "../api/items";
import { UNREAD, withFirstPage, withItem, withNextPage, without } from "./list";
import { useDeletions } from "./useDeletions";
import { listQuery, type View } from "./view";

/** How long after the last letter a search starts, in milliseconds. */
const TYPING_PAUSE = 250;

/**
 * The list that a view shows to a user (null: to anybody), and what can be done with it.
 * `onKept` hears of deletions that came to nothing.
 */
export function useItems(
  view: View,
  user: string | null,
  onKept: (item: Item, failure: Failure) => void,
) {
  const [list, setList] = useState(UNREAD);
  const [round, setRound] = useState(0);
  /** Aborted as soon as another list is wanted: an answer that comes after that is dropped. */
  const wanted = useRef(new AbortController());
  const searched = useRef(view.search);
  const reload = () => setRound((round) => round + 1);

  const deletions = useDeletions({
    onSent: (item) => setList((list) => without(list, item)),
    onKept: (item, failure) => {
      onKept(item, failure);
      reload();
    },
  });

  // What one user was shown isn't there for the next.
  useEffect(() => setList(UNREAD), [user]);

  useEffect(() => {
    const controller = new AbortController();
    wanted.current = controller;
    setList((list) => ({ ...list, phase: "loading", failure: null }));
    const isTyping = view.search !== searched.current;
    const timer = setTimeout(
      async () => {
        searched.current = view.search;
        // The deletions first, so that the list is one without them.
        await deletions.sendAll();
        await load(null, controller.signal);
      },
      isTyping ? TYPING_PAUSE : 0,
    );
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [view, user, round]);

  async function load(cursor: string | null, signal: AbortSignal): Promise<void> {
    const place = cursor === null ? { include_total: true } : { cursor };
    try {
      const page = await nextPage({ ...listQuery(view), ...place }, signal);
      if (signal.aborted) return;
      setList((list) => (cursor === null ? withFirstPage(page) : withNextPage(list, page)));
    } catch (failure) {
      if (signal.aborted) return;
      if (!(failure instanceof Failure)) throw failure;
      setList((list) => ({ ...(cursor === null ? UNREAD : list), phase: "failed", failure }));
    }
  }

  function more(): void {
    if (list.phase.startsWith("loading")) return;
    setList((list) => ({ ...list, phase: "loading more", failure: null }));
    void load(list.next, wanted.current.signal);
  }

  /** Puts an item as it is stored now in the place of what the list has. */
  function replace(item: Item): void {
    setList((list) => withItem(list, item));
  }

  return { list, deletions, reload, more, replace };
}

/** A page with something on it, or the last one: a page may be empty though more follow. */
async function nextPage(query: ListQuery, signal: AbortSignal): Promise<ItemPage> {
  const page = await listItems(query, signal);
  if (page.items.length > 0 || page.next_cursor === null) return page;
  return nextPage({ ...query, cursor: page.next_cursor }, signal);
}
