import createFetchClient, { type Client, type ClientOptions } from "openapi-fetch";
import type { paths } from "./schema.js";

export type * from "./schema.js";

/** Its calls have the paths, parameters, bodies and answers of the OpenAPI document. */
export interface ItemsClient extends Client<paths> {}

export function createClient(options: ClientOptions & { baseUrl: string }): ItemsClient {
  return createFetchClient<paths>(options);
}
