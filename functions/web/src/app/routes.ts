// The pages before and around the areas, and the table of all pages.
import { ACCOUNT } from "../account/routes";
import { COUNTER } from "../counter/routes";
import { OWNER } from "../owner/routes";
import { STUDENT } from "../student/routes";
import type { Page } from "./pages";

const AROUND: Page[] = [
  {
    path: "/app/login",
    title: "login_title",
    area: "common",
    audience: "stranger",
    load: () => import("./entry/login"),
  },
  {
    path: "/app/sign-up",
    title: "sign_up_title",
    area: "common",
    audience: "stranger",
    load: () => import("./entry/sign-up"),
  },
  {
    path: "/app/sign-up/code",
    title: "code_title",
    area: "common",
    audience: "stranger",
    load: () => import("./entry/sign-up-code"),
  },
  {
    path: "/app/forgotten",
    title: "forgotten_title",
    area: "common",
    audience: "stranger",
    load: () => import("./entry/forgotten"),
  },
  {
    path: "/app/waiting",
    title: "waiting_title",
    area: "common",
    audience: "person",
    load: () => import("./entry/waiting"),
  },
  {
    path: "/app/settings",
    title: "settings_title",
    area: "common",
    audience: "anyone",
    offline: true,
    load: () => import("./entry/settings"),
  },
];

export const PAGES: readonly Page[] = [...AROUND, ...ACCOUNT, ...STUDENT, ...COUNTER, ...OWNER];
