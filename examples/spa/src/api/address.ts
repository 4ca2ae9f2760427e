/** Where the API is. The page says it, so that one build can be served for any server. */
export const address =
  document.querySelector<HTMLMetaElement>('meta[name="api"]')?.content ?? "http://localhost:8000";
