/** The calls about items, with the types that the API's document declares. */
import createClient from "openapi-fetch";
import type { components, operations, paths } from "../generated/api";
import { address } from "./address";
import { accepted, dataOf } from "./failure";
import { fetchWithSession } from "./session";

export type Item = components["schemas"]["Item"];
export type ItemInput = components["schemas"]["ItemInput"];
export type ItemPatch = components["schemas"]["ItemPatch"];
export type ItemPage = components["schemas"]["ItemPage"];
export type ListQuery = NonNullable<operations["list_items"]["parameters"]["query"]>;

const api = createClient<paths>({ baseUrl: address, fetch: fetchWithSession });

/** A page of a list. Throws Failure; and AbortError once `signal` is aborted. */
export function listItems(query: ListQuery, signal: AbortSignal): Promise<ItemPage> {
  return dataOf(api.GET("/api/items", { params: { query }, signal }));
}

export function getItem(id: string): Promise<Item> {
  return dataOf(api.GET("/api/items/{item_id}", { params: { path: { item_id: id } } }));
}

/** Creates an item: one, however often it is called with the same `key` and `input`. */
export function createItem(input: ItemInput, key: string): Promise<Item> {
  const params = { header: { "Idempotency-Key": key } };
  return dataOf(api.POST("/api/items", { params, body: input }));
}

/** Changes an item. Throws a Failure of status 412 if it isn't at the version `seen` any more. */
export function updateItem(seen: Item, changes: ItemPatch): Promise<Item> {
  return dataOf(api.PATCH("/api/items/{item_id}", { params: onlyIfStill(seen), body: changes }));
}

/**
 * Deletes an item. Throws a Failure of status 412 if it isn't at the version `seen` any more.
 * With `keepalive`, the browser sends the request even if the page is left meanwhile.
 */
export async function deleteItem(seen: Item, keepalive: boolean): Promise<void> {
  const params = onlyIfStill(seen);
  await accepted(api.DELETE("/api/items/{item_id}", { params, keepalive }));
}

function onlyIfStill(seen: Item) {
  return { path: { item_id: seen.id }, header: { "If-Match": `"${seen.version}"` } };
}
