import assert from "node:assert/strict";
import * as api from "./typescript-fetch/index";
import { ADA, days, PAINT, SERVER, step, UNKNOWN } from "./steps";

let tokens: api.TokenPair;
let item: api.Item;
let etag: string;
const configuration = new api.Configuration({
  basePath: SERVER,
  accessToken: async () => tokens.accessToken,
});
const [auth, items] = [new api.AuthApi(configuration), new api.ItemsApi(configuration)];
const users = new api.UsersApi(configuration);

/** The response with which the client rejects `call`. */
async function failed(call: Promise<unknown>): Promise<Response> {
  const error = await call.then(() => assert.fail("the call did not fail"), (reason) => reason);
  if (!(error instanceof api.ResponseError)) throw error;
  return error.response;
}

async function main(): Promise<void> {
  await step("register", async () => {
    assert.equal((await auth.registerUser({ userInput: ADA })).email, ADA.email);
  });
  await step("sign in", async () => {
    const { email: username, password } = ADA;
    tokens = await auth.createToken({ grantType: "password", username, password });
  });
  await step("create", async () => {
    item = await items.createItem({ itemInput: { ...PAINT, tags: new Set(PAINT.tags) }, idempotencyKey: crypto.randomUUID() });
    await items.createItem({ itemInput: { name: "Brush" } });
    assert.deepEqual({ ...item, ...PAINT }, item);
  });
  await step("list", async () => {
    const page = await items.listItems({
      status: ["todo", "doing"],
      tag: PAINT.tags,
      q: "pai*",
      createdAfter: days(item.createdAt, -1),
      createdBefore: days(item.createdAt, 1),
      updatedAfter: days(item.createdAt, -1),
      sort: "-name",
      includeTotal: true,
      limit: 10,
    });
    assert.deepEqual([page.items, page.total], [[item], 1]);
    const earlier = await items.listItems({ createdBefore: days(item.createdAt, -1) });
    assert.deepEqual(earlier.items, []);
  });
  await step("304", async () => {
    etag = (await items.getItemRaw({ itemId: item.id })).raw.headers.get("ETag")!;
    const known = await failed(items.getItem({ itemId: item.id, ifNoneMatch: etag }));
    assert.equal(known.status, 304);
  });
  await step("PUT", async () => {
    const itemInput = { name: "Paint", quantity: 5 };
    const answer = await items.replaceItemRaw({ itemId: item.id, itemInput, ifMatch: etag });
    const { quantity, status, version } = await answer.value();
    assert.deepEqual([quantity, status, version], [5, "todo", 2]);
    etag = answer.raw.headers.get("ETag")!;
  });
  await step("PATCH", async () => {
    const itemPatch = { status: "done", description: null } as const;
    const answer = await items.updateItemRaw({ itemId: item.id, itemPatch, ifMatch: etag });
    const { quantity, status, version } = await answer.value();
    assert.deepEqual([quantity, status, version], [5, "done", 3]);
    etag = answer.raw.headers.get("ETag")!;
  });
  await step("400", async () => {
    const problem = api.ProblemFromJSON(await (await failed(items.listItems({ cursor: "none" }))).json());
    assert.deepEqual([problem.status, problem.errors![0]!.parameter], [400, "cursor"]);
  });
  await step("404", async () => {
    assert.equal((await failed(items.getItem({ itemId: UNKNOWN }))).status, 404);
  });
  await step("412", async () => {
    const itemPatch = { quantity: 1 };
    const call = items.updateItem({ itemId: item.id, itemPatch, ifMatch: '"1"' });
    assert.equal((await failed(call)).status, 412);
  });
  await step("delete", async () => {
    const gone = await items.deleteItemRaw({ itemId: item.id, ifMatch: etag });
    assert.equal(gone.raw.status, 204);
  });
  await step("refresh", async () => {
    const { refreshToken } = tokens;
    tokens = await auth.createToken({ grantType: "refresh_token", refreshToken });
    assert.equal((await users.getCurrentUser()).email, ADA.email);
  });
}

main();
