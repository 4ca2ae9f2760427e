/** An item as it stands in the form, where everything is text, and its ways in and out. */
import { Failure } from "../api/failure";
import type { Item, ItemInput } from "../api/items";
import type { Status } from "./view";

export interface Draft {
  name: string;
  description: string;
  status: Status;
  quantity: string;
  tags: readonly string[];
  /** The tag that is being typed; it counts as one of them. */
  newTag: string;
}

export type Changes = Partial<Required<ItemInput>>;

export const EMPTY: Draft = {
  name: "",
  description: "",
  status: "todo",
  quantity: "1",
  tags: [],
  newTag: "",
};

export function draftOf({ name, description, status, quantity, tags }: Item): Draft {
  const text = { description: description ?? "", quantity: String(quantity) };
  return { name, status, tags, newTag: "", ...text };
}

/**
 * What a draft says, as the API takes it. Whether it is allowed is the API's to say, once and for
 * all clients. Throws Failure only for a quantity that is no number, which JSON couldn't carry.
 */
export function inputOf({
  name,
  description,
  status,
  quantity,
  tags,
  newTag,
}: Draft): Required<ItemInput> {
  const typed = newTag.trim();
  return {
    name,
    description: description === "" ? null : description,
    status,
    quantity: numberOf(quantity),
    tags: typed === "" ? [...tags] : [...tags, typed],
  };
}

/** Which fields of an item the draft changes, and to what: a merge patch (RFC 7396). */
export function changesOf(stored: Item, draft: Draft): Changes {
  const wanted = inputOf(draft);
  return {
    ...(wanted.name !== stored.name && { name: wanted.name }),
    ...(wanted.description !== stored.description && { description: wanted.description }),
    ...(wanted.status !== stored.status && { status: wanted.status }),
    ...(wanted.quantity !== stored.quantity && { quantity: wanted.quantity }),
    ...(!isSame(wanted.tags, stored.tags) && { tags: wanted.tags }),
  };
}

export function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function numberOf(text: string): number {
  const trimmed = text.trim();
  if (/^[+-]?\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed);
  const detail = "Write a whole number, such as 2.";
  throw new Failure(detail, { status: 400, errors: [{ detail, pointer: "/quantity" }] });
}
