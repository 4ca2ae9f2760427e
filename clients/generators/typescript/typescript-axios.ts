import assert from "node:assert/strict";
import * as api from "./typescript-axios/index";
import { ADA, days, PAINT, rejection, SERVER, step, UNKNOWN } from "./steps";

let tokens: api.TokenPair;
let item: api.Item;
let etag: string;
const configuration = new api.Configuration({
  basePath: SERVER,
  accessToken: () => tokens.access_token,
});
const [auth, items] = [new api.AuthApi(configuration), new api.ItemsApi(configuration)];
const users = new api.UsersApi(configuration);

async function main(): Promise<void> {
  await step("register", async () => {
    assert.equal((await auth.registerUser(ADA)).data.email, ADA.email);
  });
  await step("sign in", async () => {
    tokens = (await auth.createToken("password", undefined, ADA.email, ADA.password)).data;
  });
  await step("create", async () => {
    item = (await items.createItem({ ...PAINT, tags: new Set(PAINT.tags) }, crypto.randomUUID())).data;
    await items.createItem({ name: "Brush" });
    assert.deepEqual({ ...item, ...PAINT }, item);
  });
  await step("list", async () => {
    const [from, to] = [days(item.created_at, -1), days(item.created_at, 1)].map((day) => day.toISOString());
    const status: api.ItemStatus[] = ["todo", "doing"];
    const { data } = await items.listItems(
      10, undefined, true, "-name", status, PAINT.tags, "pai*", from, to, from,
    );
    assert.deepEqual([data.items, data.total], [[item], 1]);
    const none = undefined;
    const earlier = await items.listItems(none, none, none, none, none, none, none, none, from);
    assert.deepEqual(earlier.data.items, []);
  });
  await step("304", async () => {
    etag = (await items.getItem(item.id)).headers.etag;
    assert.equal((await rejection(items.getItem(item.id, undefined, etag))).status, 304);
  });
  await step("PUT", async () => {
    const body = { name: "Paint", quantity: 5 };
    const { data, headers } = await items.replaceItem(item.id, body, etag);
    assert.deepEqual([data.quantity, data.status, data.version], [5, "todo", 2]);
    etag = headers.etag;
  });
  await step("PATCH", async () => {
    const body = { status: "done", description: null } as const;
    const { data, headers } = await items.updateItem(item.id, body, etag);
    assert.deepEqual([data.quantity, data.status, data.version], [5, "done", 3]);
    etag = headers.etag;
  });
  await step("400", async () => {
    const { status, data } = await rejection(items.listItems(undefined, "none"));
    assert.deepEqual([status, data.errors[0].parameter], [400, "cursor"]);
  });
  await step("404", async () => {
    assert.equal((await rejection(items.getItem(UNKNOWN))).status, 404);
  });
  await step("412", async () => {
    assert.equal((await rejection(items.updateItem(item.id, { quantity: 1 }, '"1"'))).status, 412);
  });
  await step("delete", async () => {
    assert.equal((await items.deleteItem(item.id, etag)).status, 204);
  });
  await step("refresh", async () => {
    tokens = (await auth.createToken("refresh_token", undefined, undefined, undefined, tokens.refresh_token)).data;
    assert.equal((await users.getCurrentUser()).data.email, ADA.email);
  });
}

main();
