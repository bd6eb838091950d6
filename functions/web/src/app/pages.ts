// What a page of the app is. Each area has a table of its pages in its `routes.ts`.
import type { ComponentType } from "preact";
import type { Account } from "../api/session";
import type { IconName } from "../ui/icon";
import type { Area } from "./language";

/**
 * Who may open a page: anyone, a person who is not logged in, one who is (of any role, approved
 * or not), an approved account of a role, or the counter (staff, or a device with a staff token).
 */
export type Audience = "anyone" | "stranger" | "person" | "student" | "owner" | "counter";

export interface Page {
  /** As the router matches it; a part such as `:order_id` becomes a property of the component. */
  path: string;
  /** The key of the page's title in the messages of its area. */
  title: string;
  area: Area;
  audience: Audience;
  /** The page is a chunk of its own. */
  load: () => Promise<{ default: ComponentType<Record<string, string>> }>;
  /** Its place in the navigation: at most five in an area. */
  nav?: { label: string; icon: IconName };
  /** It opens without a network, with what the device has kept. */
  offline?: boolean;
  /** A path with real ids, for the tests that look at every page. */
  example?: string;
}

/** The page where an account begins. */
export function homeOf(account: Account): string {
  if (account.status === "pending_approval" || account.status === "rejected") return "/app/waiting";
  return { student: "/app/student", staff: "/app/counter", owner: "/app/owner" }[account.role];
}
