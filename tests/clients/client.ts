/** What the tests share: a client of the server at ITEMS_API, accounts, and what must be there. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createClient, type ItemsClient, type TokenPair, type TokenRequest } from "items-api-client";

export function present<T>(value: T | null | undefined): T {
  assert.ok(value !== null && value !== undefined);
  return value;
}

export function header(response: Response, name: string): string {
  return present(response.headers.get(name));
}

export const server = present(process.env["ITEMS_API"]);
export const client = createClient({ baseUrl: server });

export const password = present(process.env["PASSWORD"]);
export const form = { "Content-Type": "application/x-www-form-urlencoded" };

export async function register(): Promise<string> {
  const email = `${randomUUID()}@example.com`;
  const { data, response } = await client.POST("/api/auth/register", { body: { email, password } });
  assert.equal(response.status, 201);
  assert.equal(present(data).email, email);
  return email;
}

export async function signIn(username: string): Promise<TokenPair> {
  const body: TokenRequest = { grant_type: "password", username, password };
  const { data, response } = await client.POST("/api/auth/token", { body, headers: form });
  assert.equal(header(response, "Cache-Control"), "no-store");
  return present(data);
}

export function withToken(token: string): ItemsClient {
  const authorized = createClient({ baseUrl: server });
  authorized.use({
    onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${token}`);
    },
  });
  return authorized;
}
