import assert from "node:assert/strict";
import * as api from "./hey-api/index";
import { client } from "./hey-api/client.gen";
import { ADA, days, filters, PAINT, SERVER, step, UNKNOWN } from "./steps";

let tokens: api.TokenPair;
let item: api.Item;
let etag: string;
client.setConfig({ baseUrl: SERVER, auth: () => tokens.access_token });
const path = (id: string) => ({ path: { item_id: id } });

async function main(): Promise<void> {
  await step("register", async () => {
    assert.equal((await api.registerUser({ body: ADA })).data!.email, ADA.email);
  });
  await step("sign in", async () => {
    const body = { grant_type: "password", username: ADA.email, password: ADA.password } as const;
    tokens = (await api.createToken({ body })).data!;
  });
  await step("create", async () => {
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    item = (await api.createItem({ body: PAINT, headers })).data!;
    await api.createItem({ body: { name: "Brush" } });
    assert.deepEqual({ ...item, ...PAINT }, item);
  });
  await step("list", async () => {
    const { data } = await api.listItems({ query: filters(item.created_at) });
    assert.deepEqual([data!.items, data!.total], [[item], 1]);
    const earlier = { created_before: days(item.created_at, -1).toISOString() };
    assert.deepEqual((await api.listItems({ query: earlier })).data!.items, []);
  });
  await step("304", async () => {
    etag = (await api.getItem(path(item.id))).response!.headers.get("ETag")!;
    const known = await api.getItem({ ...path(item.id), headers: { "If-None-Match": etag } });
    assert.equal(known.response!.status, 304);
  });
  await step("PUT", async () => {
    const body = { name: "Paint", quantity: 5 };
    const options = { ...path(item.id), headers: { "If-Match": etag } };
    const { data, response } = await api.replaceItem({ ...options, body });
    assert.deepEqual([data!.quantity, data!.status, data!.version], [5, "todo", 2]);
    etag = response!.headers.get("ETag")!;
  });
  await step("PATCH", async () => {
    const body = { status: "done", description: null } as const;
    const options = { ...path(item.id), headers: { "If-Match": etag } };
    const { data, response } = await api.updateItem({ ...options, body });
    assert.deepEqual([data!.quantity, data!.status, data!.version], [5, "done", 3]);
    etag = response!.headers.get("ETag")!;
  });
  await step("400", async () => {
    const { error } = await api.listItems({ query: { cursor: "none" } });
    assert.deepEqual([error!.status, error!.errors![0]!.parameter], [400, "cursor"]);
  });
  await step("404", async () => {
    assert.equal((await api.getItem(path(UNKNOWN))).error!.status, 404);
  });
  await step("412", async () => {
    const options = { ...path(item.id), headers: { "If-Match": '"1"' } };
    assert.equal((await api.updateItem({ ...options, body: { quantity: 1 } })).error!.status, 412);
  });
  await step("delete", async () => {
    const gone = await api.deleteItem({ ...path(item.id), headers: { "If-Match": etag } });
    assert.equal(gone.response!.status, 204);
  });
  await step("refresh", async () => {
    const body = { grant_type: "refresh_token", refresh_token: tokens.refresh_token } as const;
    tokens = (await api.createToken({ body })).data!;
    assert.equal((await api.getCurrentUser()).data!.email, ADA.email);
  });
}

main();
