/** The generated TypeScript client against a live server: the life of items. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { Item, ItemInput, ItemPage, ItemPatch } from "items-api-client";
import { client, header, present, register, signIn, withToken } from "./client.js";

async function create(body: ItemInput): Promise<Item> {
  const { data, error } = await client.POST("/api/items", { body });
  assert.equal(error, undefined);
  return present(data);
}

test("an item lives and goes", async () => {
  const created = await client.POST("/api/items", {
    body: { name: "First item", description: null, status: "doing", tags: ["a"] },
  });
  const item = present(created.data);
  const path = { item_id: item.id };
  assert.equal(created.response.status, 201);
  assert.equal(header(created.response, "Location"), `/api/items/${item.id}`);
  assert.equal(header(created.response, "ETag"), '"1"');
  assert.deepEqual(item, {
    ...item,
    name: "First item",
    description: null,
    status: "doing",
    quantity: 1,
    tags: ["a"],
    version: 1,
  });
  assert.equal(item.created_at, item.updated_at);
  assert.ok(Math.abs(Date.now() - Date.parse(item.created_at)) < 24 * 60 * 60 * 1000);

  const read = await client.GET("/api/items/{item_id}", { params: { path } });
  assert.deepEqual(read.data, item);
  const etag = header(read.response, "ETag");
  const known = await client.GET("/api/items/{item_id}", {
    params: { path, header: { "If-None-Match": etag } },
  });
  assert.equal(known.response.status, 304);

  const replaced = await client.PUT("/api/items/{item_id}", {
    params: { path, header: { "If-Match": etag } },
    body: { name: "Second item", description: "More about it.", quantity: 0, tags: ["a", "b"] },
  });
  assert.equal(present(replaced.data).description, "More about it.");
  assert.equal(present(replaced.data).status, "todo");

  const changed = await client.PATCH("/api/items/{item_id}", {
    params: { path, header: { "If-Match": header(replaced.response, "ETag") } },
    body: { description: null, status: "done", tags: null },
  });
  assert.deepEqual(changed.data, {
    ...present(replaced.data),
    description: null,
    status: "done",
    tags: [],
    version: 3,
    updated_at: present(changed.data).updated_at,
  });

  const gone = await client.DELETE("/api/items/{item_id}", {
    params: { path, header: { "If-Match": header(changed.response, "ETag") } },
  });
  assert.equal(gone.response.status, 204);
  const absent = await client.GET("/api/items/{item_id}", { params: { path } });
  assert.equal(present(absent.error).status, 404);
});

test("pages lead to the end", async () => {
  const tags = [randomUUID()];
  const names = Array.from({ length: 7 }, (_, number) => `Item ${number}`);
  for (const name of names) await create({ name, tags });
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const { data } = await client.GET("/api/items", {
      params: { query: { limit: 3, sort: "name", tag: tags, include_total: true, cursor } },
    });
    const page: ItemPage = present(data);
    assert.deepEqual([page.total, page.total_is_exact], [7, true]);
    found.push(...page.items.map((item) => item.name));
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  assert.deepEqual(found, names);
});

test("filters take dates, tags and choices", async () => {
  const tag = randomUUID();
  const wanted = await create({ name: "Wanted", status: "doing", tags: [tag, "b"] });
  await create({ name: "Other", tags: [tag] });
  const before = new Date(Date.parse(wanted.created_at) - 1).toISOString();
  const query = { tag: [tag, "b"], q: "want*", created_after: before };
  const page = await client.GET("/api/items", {
    params: { query: { ...query, status: ["doing", "done"] } },
  });
  assert.deepEqual(page.data, { items: [wanted], next_cursor: null, total: null, total_is_exact: null });
  const earlier = await client.GET("/api/items", {
    params: { query: { ...query, created_before: wanted.created_at } },
  });
  assert.deepEqual(present(earlier.data).items, []);
});

test("the types refuse what the API would refuse", () => {
  // @ts-expect-error
  const noName: ItemInput = {};
  // @ts-expect-error
  const noSuchStatus: ItemInput = { name: "First item", status: "dancing" };
  // @ts-expect-error
  const noSuchField: ItemInput = { name: "First item", nmae: "First item" };
  // @ts-expect-error
  const nameOfNull: ItemPatch = { name: null };
  // @ts-expect-error
  const noSuchPath = () => client.GET("/api/itmes");
  // @ts-expect-error
  const noId = () => client.GET("/api/items/{item_id}");
  assert.ok([noName, noSuchStatus, noSuchField, nameOfNull, noSuchPath, noId]);
});

test("users see what is theirs", async () => {
  const ada = withToken((await signIn(await register())).access_token);
  const other = await client.POST("/api/items", { body: { name: "Nobody's" } });
  const own = await ada.POST("/api/items", { body: { name: "Ada's" } });
  const page = await ada.GET("/api/items");
  assert.deepEqual(present(page.data).items, [own.data]);
  const path = { item_id: present(other.data).id };
  const hidden = await ada.GET("/api/items/{item_id}", { params: { path } });
  assert.equal(present(hidden.error).status, 404);
});
