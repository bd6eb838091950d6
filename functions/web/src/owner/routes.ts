// The pages of owners. To add one: a line here, a file beside it, its messages in
// src/messages/owner.*.json.
import type { Page } from "../app/pages";

const page = (path: string, title: string, load: Page["load"], more: Partial<Page> = {}): Page => ({
  path: `/app/owner${path}`,
  title,
  area: "owner",
  audience: "owner",
  load,
  ...more,
});

export const OWNER: Page[] = [
  page("", "today_title", () => import("./today"), { nav: { label: "nav_today", icon: "chart" } }),
  page("/approvals", "approvals_title", () => import("./approvals"), {
    nav: { label: "nav_approvals", icon: "check" },
  }),
  page("/approvals/payments", "approvals_payments", () => import("./approve-payments")),
  page("/students", "students_title", () => import("./students"), {
    nav: { label: "nav_students", icon: "users" },
  }),
  page("/menu", "menu_title", () => import("./menu"), {
    nav: { label: "nav_menu", icon: "order" },
  }),
  page("/more", "more_title", () => import("./more"), {
    nav: { label: "nav_more", icon: "more" },
  }),
  page("/more/closures", "closures_title", () => import("./closures")),
  page("/more/mess", "mess_title", () => import("./mess-settings")),
  page("/more/staff", "staff_title", () => import("./staff")),
  page("/more/codes", "codes_title", () => import("./codes")),
  page("/more/notifications", "notifications_title", () => import("./notifications")),
  page("/more/cycles", "cycles_title", () => import("./cycles")),
  page("/more/refunds", "refunds_title", () => import("./refunds")),
  page("/more/audit", "audit_title", () => import("./audit")),
  page("/more/downloads", "downloads_title", () => import("./downloads")),
  page("/students/import", "import_title", () => import("./import")),
];
