/** Prints what it finds on all pages of a server that answers one request a second. */
import { createClient, pages, retrying } from "items-api-client";
import { server } from "./client.js";

const client = createClient({ baseUrl: server, fetch: retrying() });
const created = ["Brush", "Paint"].map((name) =>
  client.POST("/api/items", {
    params: { header: { "Idempotency-Key": name } },
    body: { name },
  }),
);
for (const { response } of await Promise.all(created)) console.log(response.status);
const sorted = (cursor?: string) =>
  client.GET("/api/items", { params: { query: { sort: "name", limit: 1, cursor } } });
for await (const page of pages(sorted)) console.log(page.items.map((item) => item.name));
const refused = pages(() => client.GET("/api/items", { params: { query: { cursor: "none" } } }));
await refused.next().catch((error: Error) => console.log(error.message));
