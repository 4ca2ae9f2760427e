/** Creates an item and prints it. */
import { createClient } from "items-api-client";

const client = createClient({ baseUrl: process.env["ITEMS_API"] ?? "http://localhost:8000" });
const { data, error } = await client.POST("/api/items", { body: { name: "First item" } });
if (error) throw new Error(error.detail);
console.log(data);
