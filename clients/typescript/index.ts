import createFetchClient, { type Client, type ClientOptions } from "openapi-fetch";
import type { paths, Problem } from "./schema.js";

export type * from "./schema.js";
export { retrying } from "./retrying.js";

/** Its calls have the paths, parameters, bodies and answers of the OpenAPI document. */
export interface ItemsClient extends Client<paths> {}

export function createClient(options: ClientOptions & { baseUrl: string }): ItemsClient {
  return createFetchClient<paths>(options);
}

/**
 * Every page of a list, the first one first. `list` gets the page that begins at a cursor. Throws
 * what `list` throws, and an Error with the problem as its cause if the API refuses a page.
 */
export async function* pages<Page extends { next_cursor: string | null }>(
  list: (cursor?: string) => Promise<{ data?: Page; error?: Problem }>,
): AsyncGenerator<Page, void> {
  for (let cursor: string | undefined; ; ) {
    const { data, error } = await list(cursor);
    if (data === undefined) throw new Error(error?.detail, { cause: error });
    yield data;
    if (data.next_cursor === null) return;
    cursor = data.next_cursor;
  }
}
