import { defineConfig, loadEnv, type Plugin } from "vite";

/** What the page may load and whom it may call: nothing but its own files and the API. */
function contentSecurityPolicy(api: string, development: boolean): string {
  const origin = new URL(api).origin;
  const directives = [
    "default-src 'none'",
    "script-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    // Vite's dev server puts styles into the page and reloads it over a WebSocket.
    ...(development
      ? ["style-src 'self' 'unsafe-inline'", `connect-src 'self' ws: ${origin}`]
      : ["style-src 'self'", `connect-src ${origin}`, "require-trusted-types-for 'script'"]),
  ];
  return directives.join("; ");
}

/** Writes into index.html where the API is, and the policy that allows calling it. */
function head(api: string, development: boolean): Plugin {
  const content = contentSecurityPolicy(api, development);
  return {
    name: "head",
    transformIndexHtml: () => [
      { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content } },
      { tag: "meta", attrs: { name: "api", content: api } },
    ],
  };
}

export default defineConfig(({ command, mode }) => {
  const { VITE_API_URL: api = "http://localhost:8000" } = loadEnv(mode, ".");
  return {
    plugins: [head(api, command === "serve")],
    // The API allows this origin in development; another port would be another origin.
    server: { host: "localhost", port: 5173, strictPort: true },
  };
});
