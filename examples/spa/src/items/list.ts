/** A list of items as far as it has been read, and what becomes of it. */
import type { Failure } from "../api/failure";
import type { Item, ItemPage } from "../api/items";

export interface List {
  phase: "loading" | "loading more" | "ready" | "failed";
  items: readonly Item[];
  /** Where the next page starts; null if there is none. */
  next: string | null;
  total: number;
  /** False: there are more than `total`; the API doesn't count them all. */
  totalIsExact: boolean;
  failure: Failure | null;
}

export const UNREAD: List = {
  phase: "loading",
  items: [],
  next: null,
  total: 0,
  totalIsExact: true,
  failure: null,
};

export function withFirstPage(page: ItemPage): List {
  return {
    phase: "ready",
    items: page.items,
    next: page.next_cursor,
    total: page.total ?? page.items.length,
    totalIsExact: page.total_is_exact ?? false,
    failure: null,
  };
}

/** An item that was changed meanwhile may be on a later page again: it keeps its first place. */
export function withNextPage(list: List, page: ItemPage): List {
  const items = new Map([...list.items, ...page.items].map((item) => [item.id, item]));
  return { ...list, phase: "ready", items: [...items.values()], next: page.next_cursor };
}

export function withItem(list: List, item: Item): List {
  return { ...list, items: list.items.map((other) => (other.id === item.id ? item : other)) };
}

export function without(list: List, item: Item): List {
  const items = list.items.filter((other) => other.id !== item.id);
  return { ...list, items, total: list.total - (list.items.length - items.length) };
}
