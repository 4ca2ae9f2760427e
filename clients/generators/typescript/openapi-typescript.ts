import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./openapi-typescript/schema";
import { ADA, days, filters, PAINT, SERVER, step, UNKNOWN } from "./steps";

const client = createClient<paths>({ baseUrl: SERVER });
const form = { headers: { "Content-Type": "application/x-www-form-urlencoded" } };
let tokens: components["schemas"]["TokenPair"];
let item: components["schemas"]["Item"];
let etag: string;
client.use({
  onRequest({ request }) {
    if (tokens) request.headers.set("Authorization", `Bearer ${tokens.access_token}`);
  },
});
const at = (item_id: string) => ({ path: { item_id } });

async function main(): Promise<void> {
  await step("register", async () => {
    const { data } = await client.POST("/api/auth/register", { body: ADA });
    assert.equal(data!.email, ADA.email);
  });
  await step("sign in", async () => {
    const body = { grant_type: "password", username: ADA.email, password: ADA.password } as const;
    const { data } = await client.POST("/api/auth/token", { body, ...form });
    tokens = data!;
  });
  await step("create", async () => {
    const header = { "Idempotency-Key": crypto.randomUUID() };
    item = (await client.POST("/api/items", { params: { header }, body: PAINT })).data!;
    await client.POST("/api/items", { body: { name: "Brush" } });
    assert.deepEqual({ ...item, ...PAINT }, item);
  });
  await step("list", async () => {
    const query = filters(item.created_at);
    const { data } = await client.GET("/api/items", { params: { query } });
    assert.deepEqual([data!.items, data!.total], [[item], 1]);
    const earlier = { created_before: days(item.created_at, -1).toISOString() };
    const none = await client.GET("/api/items", { params: { query: earlier } });
    assert.deepEqual(none.data!.items, []);
  });
  await step("304", async () => {
    const { response } = await client.GET("/api/items/{item_id}", { params: at(item.id) });
    etag = response.headers.get("ETag")!;
    const header = { "If-None-Match": etag };
    const known = await client.GET("/api/items/{item_id}", { params: { ...at(item.id), header } });
    assert.equal(known.response.status, 304);
  });
  await step("PUT", async () => {
    const params = { ...at(item.id), header: { "If-Match": etag } };
    const body = { name: "Paint", quantity: 5 };
    const { data, response } = await client.PUT("/api/items/{item_id}", { params, body });
    assert.deepEqual([data!.quantity, data!.status, data!.version], [5, "todo", 2]);
    etag = response.headers.get("ETag")!;
  });
  await step("PATCH", async () => {
    const params = { ...at(item.id), header: { "If-Match": etag } };
    const body = { status: "done", description: null } as const;
    const { data, response } = await client.PATCH("/api/items/{item_id}", { params, body });
    assert.deepEqual([data!.quantity, data!.status, data!.version], [5, "done", 3]);
    etag = response.headers.get("ETag")!;
  });
  await step("400", async () => {
    const query = { cursor: "none" };
    const { error } = await client.GET("/api/items", { params: { query } });
    assert.deepEqual([error!.status, error!.errors![0]!.parameter], [400, "cursor"]);
  });
  await step("404", async () => {
    const { error } = await client.GET("/api/items/{item_id}", { params: at(UNKNOWN) });
    assert.equal(error!.status, 404);
  });
  await step("412", async () => {
    const params = { ...at(item.id), header: { "If-Match": '"1"' } };
    const { error } = await client.PATCH("/api/items/{item_id}", { params, body: { quantity: 1 } });
    assert.equal(error!.status, 412);
  });
  await step("delete", async () => {
    const params = { ...at(item.id), header: { "If-Match": etag } };
    const { response } = await client.DELETE("/api/items/{item_id}", { params });
    assert.equal(response.status, 204);
  });
  await step("refresh", async () => {
    const body = { grant_type: "refresh_token", refresh_token: tokens.refresh_token } as const;
    const { data } = await client.POST("/api/auth/token", { body, ...form });
    tokens = data!;
    assert.equal((await client.GET("/api/users/me")).data!.email, ADA.email);
  });
}

main();
