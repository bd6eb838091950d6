// The start of the app, in every document.
import { render } from "preact";
import { deviceTokenStart } from "./api/device";
import { start, whenLoggedOut } from "./api/session";
import { messagesOf } from "./app/language";
import { pageAt } from "./app/router";
import { App } from "./app/shell";
import "./app/theme";
import { reloadIfChunkIsGone, serviceWorkerStart } from "./app/update";
import "./ui/style.css";

/** Reading the database takes some milliseconds. */
const TOKEN_PATIENCE_MS = 5_000;

reloadIfChunkIsGone();
// Somebody may log out on a page that knows nothing of what others have kept.
whenLoggedOut(async () => (await import("./counter/forget")).forget());
whenLoggedOut(async () => (await import("./student/forget")).forget());
// The session is asked for while the messages load. What a person may see depends on both it and the
// device's token.
await Promise.all([start(patienceMs()), deviceTokenStart(TOKEN_PATIENCE_MS), messagesOf("common")]);
const root = document.getElementById("app");
if (root) {
  root.textContent = "";
  render(<App />, root);
}
void serviceWorkerStart();

/** At the counter nobody waits for a network that hangs; other pages can do nothing without it. */
function patienceMs(): number {
  const opensWithout = location.pathname === "/" || pageAt(location.pathname).page?.offline;
  return opensWithout ? 2_000 : 20_000;
}
