/** What of the items is shown, and its place in the page's address: a reload shows it again. */
import type { Item, ListQuery } from "../api/items";

export type Status = Item["status"];
export type Sort = NonNullable<ListQuery["sort"]>;

export interface View {
  /** As typed. */
  search: string;
  /** Any of these; all if there are none. */
  statuses: readonly Status[];
  /** All of these. */
  tags: readonly string[];
  sort: Sort;
}

export const STATUSES: Record<Status, string> = { todo: "To do", doing: "Doing", done: "Done" };
export const SORTS: Record<Sort, string> = {
  "-created_at": "Newest first",
  created_at: "Oldest first",
  "-updated_at": "Last changed first",
  updated_at: "Longest unchanged first",
  name: "Name, A to Z",
  "-name": "Name, Z to A",
};
export const EVERYTHING: View = { search: "", statuses: [], tags: [], sort: "-created_at" };
const PAGE_SIZE = 20;

export function isNarrowed({ search, statuses, tags }: View): boolean {
  return search.trim() !== "" || statuses.length > 0 || tags.length > 0;
}

/** The API's parameters for a view. */
export function listQuery({ search, statuses, tags, sort }: View): ListQuery {
  return { limit: PAGE_SIZE, sort, q: words(search), status: [...statuses], tag: [...tags] };
}

/** An asterisk stands for the rest of a word: the last one may be half typed. */
function words(search: string): string {
  return /[^\s*]$/u.test(search) ? `${search}*` : search;
}

export function viewOf(query: string): View {
  const given = new URLSearchParams(query);
  const sort = given.get("sort") ?? "";
  return {
    search: given.get("search") ?? "",
    statuses: given.getAll("status").filter((name) => isKey(STATUSES, name)),
    tags: given.getAll("tag"),
    sort: isKey(SORTS, sort) ? sort : EVERYTHING.sort,
  };
}

export function addressOf({ search, statuses, tags, sort }: View): string {
  const query = new URLSearchParams();
  if (search !== "") query.set("search", search);
  for (const status of statuses) query.append("status", status);
  for (const tag of tags) query.append("tag", tag);
  if (sort !== EVERYTHING.sort) query.set("sort", sort);
  return query.size === 0 ? location.pathname : `?${query}`;
}

/** The entries of a table, with their keys' own type. */
export function entries<Key extends string>(table: Record<Key, string>): [Key, string][] {
  return Object.entries<string>(table).flatMap(([key, label]) =>
    isKey(table, key) ? [[key, label]] : [],
  );
}

export function isKey<Key extends string>(table: Record<Key, string>, text: string): text is Key {
  return Object.hasOwn(table, text);
}
