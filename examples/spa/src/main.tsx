import { render } from "preact";
import { App } from "./App";

const root = document.getElementById("app");
if (root !== null) {
  // Elsewhere the browser has no navigator.locks and no crypto.randomUUID.
  if (isSecureContext) render(<App />, root);
  else root.textContent = "This app needs HTTPS, or an address of this machine (localhost).";
}
