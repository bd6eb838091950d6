// The pages of one's own account, for people of every role. To add one: a line here, a file
// beside it, its messages in src/messages/account.*.json.
import type { Page } from "../app/pages";

const page = (path: string, title: string, load: Page["load"]): Page => ({
  path,
  title,
  area: "account",
  audience: "person",
  load,
});

export const ACCOUNT: Page[] = [
  page("/app/account", "account_title", () => import("./account")),
  page("/app/account/password", "password_title", () => import("./password")),
  page("/app/account/email", "email_title", () => import("./email")),
  page("/app/account/sessions", "sessions_title", () => import("./sessions")),
  page("/app/account/delete", "delete_title", () => import("./delete")),
];
