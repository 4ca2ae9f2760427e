import assert from "node:assert/strict";
import axios from "axios";
import * as api from "./orval-axios/client";
import { ADA, days, filters, PAINT, rejection, SERVER, step, UNKNOWN } from "./steps";

let item: api.Item;
let etag: string;
let refresh: string;
axios.defaults.baseURL = SERVER;
axios.defaults.paramsSerializer = { indexes: null };

function signIn(tokens: api.TokenPair): void {
  refresh = tokens.refresh_token;
  axios.defaults.headers.common.Authorization = `Bearer ${tokens.access_token}`;
}

async function main(): Promise<void> {
  await step("register", async () => {
    assert.equal((await api.registerUser(ADA)).data.email, ADA.email);
  });
  await step("sign in", async () => {
    const { email: username, password } = ADA;
    signIn((await api.createToken({ grant_type: "password", username, password })).data);
  });
  await step("create", async () => {
    item = (await api.createItem(PAINT, { "Idempotency-Key": crypto.randomUUID() })).data;
    await api.createItem({ name: "Brush" });
    assert.deepEqual({ ...item, ...PAINT }, item);
  });
  await step("list", async () => {
    const { data } = await api.listItems(filters(item.created_at));
    assert.deepEqual([data.items, data.total], [[item], 1]);
    const earlier = { created_before: days(item.created_at, -1).toISOString() };
    assert.deepEqual((await api.listItems(earlier)).data.items, []);
  });
  await step("304", async () => {
    etag = (await api.getItem(item.id)).headers.etag;
    assert.equal((await rejection(api.getItem(item.id, { "If-None-Match": etag }))).status, 304);
  });
  await step("PUT", async () => {
    const body = { name: "Paint", quantity: 5 };
    const { data, headers } = await api.replaceItem(item.id, body, { "If-Match": etag });
    assert.deepEqual([data.quantity, data.status, data.version], [5, "todo", 2]);
    etag = headers.etag;
  });
  await step("PATCH", async () => {
    const body = { status: "done", description: null } as const;
    const { data, headers } = await api.updateItem(item.id, body, { "If-Match": etag });
    assert.deepEqual([data.quantity, data.status, data.version], [5, "done", 3]);
    etag = headers.etag;
  });
  await step("400", async () => {
    const { status, data } = await rejection(api.listItems({ cursor: "none" }));
    assert.deepEqual([status, data.errors[0].parameter], [400, "cursor"]);
  });
  await step("404", async () => {
    assert.equal((await rejection(api.getItem(UNKNOWN))).status, 404);
  });
  await step("412", async () => {
    const call = api.updateItem(item.id, { quantity: 1 }, { "If-Match": '"1"' });
    assert.equal((await rejection(call)).status, 412);
  });
  await step("delete", async () => {
    assert.equal((await api.deleteItem(item.id, { "If-Match": etag })).status, 204);
  });
  await step("refresh", async () => {
    signIn((await api.createToken({ grant_type: "refresh_token", refresh_token: refresh })).data);
    assert.equal((await api.getCurrentUser()).data.email, ADA.email);
  });
}

main();
