/** The generated TypeScript client against a live server: problems are read with their types. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { Problem } from "items-api-client";
import { client, header, present } from "./client.js";

type Refused = { error?: Problem; response: Response };

async function newItem(): Promise<{ item_id: string }> {
  const { data } = await client.POST("/api/items", { body: { name: "First item" } });
  return { item_id: present(data).id };
}

const refused: Record<string, { status: number; ask: () => Promise<Refused> }> = {
  "invalid-request": {
    status: 400,
    ask: () => client.POST("/api/items", { body: { name: " " } }),
  },
  "unknown-id": {
    status: 404,
    ask: () =>
      client.GET("/api/items/{item_id}", { params: { path: { item_id: randomUUID() } } }),
  },
  "precondition-failed": {
    status: 412,
    ask: async () =>
      client.PATCH("/api/items/{item_id}", {
        params: { path: await newItem(), header: { "If-Match": '"7"' } },
        body: { status: "done" },
      }),
  },
  "content-too-large": {
    status: 413,
    ask: () => client.POST("/api/items", { body: { name: "x".repeat(10_000) } }),
  },
  "unsupported-media-type": {
    status: 415,
    ask: () =>
      client.POST("/api/items", {
        body: { name: "First item" },
        headers: { "Content-Type": "text/plain" },
      }),
  },
  "idempotency-key-reused": {
    status: 422,
    ask: async () => {
      const params = { header: { "Idempotency-Key": randomUUID() } };
      await client.POST("/api/items", { params, body: { name: "First item" } });
      return client.POST("/api/items", { params, body: { name: "Second item" } });
    },
  },
  "precondition-required": {
    status: 428,
    ask: async () => client.DELETE("/api/items/{item_id}", { params: { path: await newItem() } }),
  },
};
const places: Record<string, { pointer?: string; header?: string }[]> = {
  "invalid-request": [{ pointer: "/name" }],
  "unsupported-media-type": [{ header: "Content-Type" }],
};

for (const [slug, { status, ask }] of Object.entries(refused)) {
  test(`${status} ${slug}`, async () => {
    const { error, response } = await ask();
    const problem = present(error);
    assert.deepEqual([response.status, problem.status], [status, status]);
    assert.equal(problem.type, `/errors/${slug}`);
    assert.equal(problem.error, problem.detail);
    assert.equal(problem.request_id, header(response, "X-Request-ID"));
    assert.deepEqual(
      problem.errors.map(({ detail, ...place }) => place),
      places[slug] ?? [],
    );
  });
}
