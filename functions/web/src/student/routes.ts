// The pages of students. To add one: a line here, a file beside it, its messages in
// src/messages/student.*.json.
import type { Page } from "../app/pages";

const page = (path: string, title: string, load: Page["load"], more: Partial<Page> = {}): Page => ({
  path,
  title,
  area: "student",
  audience: "student",
  load,
  ...more,
});

export const STUDENT: Page[] = [
  page("/app/student", "home_title", () => import("./home"), {
    offline: true,
    nav: { label: "nav_home", icon: "home" },
  }),
  page("/app/student/buy", "buy_title", () => import("./buy")),
  page("/app/student/tokens", "tokens_title", () => import("./tokens/all"), {
    nav: { label: "nav_tokens", icon: "token" },
  }),
  page("/app/student/tokens/redeemed", "tokens_title", () => import("./tokens/redeemed")),
  page("/app/student/tokens/payments", "tokens_title", () => import("./tokens/payments")),
  page("/app/student/tokens/redeem", "redeem_title", () => import("./redeem")),
  page("/app/student/menu", "menu_title", () => import("./orders/menu"), {
    nav: { label: "nav_menu", icon: "order" },
  }),
  page("/app/student/menu/orders", "menu_title", () => import("./orders/list")),
  page("/app/student/menu/orders/:order_id", "order_title", () => import("./orders/order"), {
    example: "/app/student/menu/orders/ord_00000000000000000000000000",
  }),
  page("/app/student/leave", "leave_title", () => import("./leave/leave"), {
    nav: { label: "nav_leave", icon: "leave" },
  }),
  page("/app/student/cycles", "cycles_title", () => import("./cycles/list")),
  page("/app/student/cycles/pay", "cycle_pay_title", () => import("./cycles/pay")),
  page("/app/student/cycles/:payment_id", "statement_title", () => import("./cycles/statement"), {
    example: "/app/student/cycles/cyc_00000000000000000000000000",
  }),
  page("/app/student/me", "me_title", () => import("./me/me"), {
    nav: { label: "nav_me", icon: "user" },
  }),
  page("/app/student/me/edit", "me_edit", () => import("./me/edit")),
  page("/app/student/me/pin", "me_pin_set", () => import("./me/pin")),
  page("/app/student/me/code", "me_code", () => import("./me/code")),
];
