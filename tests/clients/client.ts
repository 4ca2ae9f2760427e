/** What the tests share: a client of the server at ITEMS_API, and what must be there. */
import assert from "node:assert/strict";
import { createClient } from "items-api-client";

export function present<T>(value: T | null | undefined): T {
  assert.ok(value !== null && value !== undefined);
  return value;
}

export function header(response: Response, name: string): string {
  return present(response.headers.get(name));
}

export const server = present(process.env["ITEMS_API"]);
export const client = createClient({ baseUrl: server });
