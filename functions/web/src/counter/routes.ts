// The pages of the counter. To add one: a line here, a file beside it, its messages in
// src/messages/counter.*.json.
import type { Page } from "../app/pages";

export const COUNTER: Page[] = [
  {
    path: "/app/counter",
    title: "scan_title",
    area: "counter",
    audience: "counter",
    offline: true,
    load: () => import("./scan"),
    nav: { label: "nav_scan", icon: "scan" },
  },
  {
    path: "/app/counter/find",
    title: "find_title",
    area: "counter",
    audience: "counter",
    offline: true,
    load: () => import("./find"),
    nav: { label: "nav_find", icon: "search" },
  },
  {
    path: "/app/counter/orders",
    title: "orders_title",
    area: "counter",
    audience: "counter",
    load: () => import("./orders"),
    nav: { label: "nav_orders", icon: "order" },
  },
  {
    path: "/app/counter/device",
    title: "device_title",
    area: "counter",
    // A device that is not registered yet is registered here.
    audience: "anyone",
    offline: true,
    load: () => import("./device"),
    nav: { label: "nav_device", icon: "settings" },
  },
];
