// Who may see a page, and where everybody else is sent.
import { deviceToken } from "../api/device";
import { account, roleHint, sessionState } from "../api/session";
import { homeOf, type Audience } from "./pages";

/**
 * `open`, the path to go to instead, `forbidden` for an account of another kind, or `offline`
 * where only the network could tell.
 */
export type Verdict = "open" | "forbidden" | "offline" | { to: string };

export function judge(audience: Audience, worksOffline: boolean, here: string): Verdict {
  if (audience === "anyone") return "open";
  const state = sessionState.value;
  const who = account.value;
  if (audience === "counter" && deviceToken.value !== null) return "open";
  if (state === "unreachable") {
    // Somebody was logged in: their kept pages open. What they load is still checked.
    const role = roleHint();
    const theirs = role === audience || (audience === "counter" && role === "staff");
    return worksOffline && theirs ? "open" : "offline";
  }
  if (audience === "stranger") return who ? { to: homeOf(who) } : "open";
  if (!who) return { to: loginFor(here) };
  if (audience === "person") return "open";
  if (homeOf(who) === "/app/waiting") return { to: "/app/waiting" };
  if (audience === "counter") return who.role === "staff" ? "open" : "forbidden";
  return who.role === audience ? "open" : "forbidden";
}

/** The login page, which leads back to the page that was asked for. */
function loginFor(here: string): string {
  if (here === "/" || here === "/app") return "/app/login";
  return `/app/login?to=${encodeURIComponent(here)}`;
}

/** Where to go after a login: the page that was asked for, if it is one of the app. */
export function afterLogin(asked: string | undefined): string {
  const who = account.value;
  if (!who) return "/app/login";
  const home = homeOf(who);
  const safe = asked !== undefined && /^\/app\/[\w\-/]*(?:\?[\w\-=&%]*)?$/.test(asked);
  return safe && asked.startsWith(home) ? asked : home;
}
