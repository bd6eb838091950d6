// The session: the access token, which is only ever in memory, and the refresh cookie, which no
// script can read. All tabs share the cookie, so one tab at a time refreshes and tells the others.
import { computed, signal } from "@preact/signals";
import type { components } from "../generated/api";
import { Problem } from "./problem";

export type LoggedIn = components["schemas"]["LoggedIn"];
export type Account = components["schemas"]["Account"];
export type Role = Account["role"];

interface Live {
  token: string;
  /** The device's clock, in milliseconds. */
  expiresAt: number;
  account: Account;
}

/**
 * `unknown`: the app has just started. `none`: nobody is logged in. `unreachable`: somebody was
 * logged in on this device, and there is no network to ask whether they still are.
 */
export type SessionState = "unknown" | "none" | "unreachable" | "live";

const live = signal<Live | null>(null);
const started = signal<"unknown" | "none" | "unreachable">("unknown");

export const sessionState = computed<SessionState>(() => (live.value ? "live" : started.value));
export const account = computed<Account | null>(() => live.value?.account ?? null);

/** Set while a person must log in again before a request can go on; see [`loginAgain`]. */
export const wanted = signal<{
  account: Account;
  done: (loggedIn: boolean) => void;
} | null>(null);

/** Says that somebody is logged in on this device, and nothing about who. */
const HINT = "thali.session";
const LOCK = "thali.refresh";
/** A token is replaced this long before it ends, so that no request carries one that just ended. */
const EARLY_MS = 30_000;

export const roleHint = (): Role | null => {
  const hint = localStorage.getItem(HINT);
  return hint === "student" || hint === "staff" || hint === "owner" ? hint : null;
};

type News = { kind: "in"; live: Live } | { kind: "out" };
const channel = new BroadcastChannel("thali.session");
const onLogout = new Set<() => void | Promise<void>>();

channel.onmessage = ({ data }: MessageEvent<News>) => {
  if (data.kind === "out") {
    void clear();
  } else if (live.value && live.value.account.account_id !== data.live.account.account_id) {
    // Another person has logged in: nothing of the first one may stay on the screen.
    location.assign("/");
  } else {
    live.value = data.live;
  }
};

/** Registers what removes a person's data from this device when they log out. */
export function whenLoggedOut(clean: () => void | Promise<void>): void {
  onLogout.add(clean);
}

function accept(answer: LoggedIn): Live {
  const next: Live = {
    token: answer.access_token,
    expiresAt: Date.now() + answer.expires_in * 1000,
    account: answer.account,
  };
  localStorage.setItem(HINT, answer.account.role);
  live.value = next;
  channel.postMessage({ kind: "in", live: next } satisfies News);
  return next;
}

async function clear(): Promise<void> {
  live.value = null;
  started.value = "none";
  localStorage.removeItem(HINT);
  sessionStorage.clear();
  await Promise.allSettled([...onLogout].map(async (clean) => clean()));
}

async function post(path: string, body?: unknown, token?: string): Promise<Response> {
  const headers = new Headers();
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  const init: RequestInit = { method: "POST", signal: AbortSignal.timeout(20_000), headers };
  if (body !== undefined) {
    headers.set("content-type", "application/json");
    init.body = JSON.stringify(body);
  }
  try {
    return await fetch(path, init);
  } catch {
    throw Problem.local(navigator.onLine ? "network" : "offline");
  }
}

/** Logs in. `name` is an e-mail address or a username. */
export async function logIn(name: string, password: string): Promise<Account> {
  const who = name.includes("@") ? { email: name } : { username: name };
  const response = await post("/login", { ...who, password });
  if (!response.ok) throw await Problem.of(response);
  return accept((await response.json()) as LoggedIn).account;
}

let refreshing: Promise<Live | null> | null = null;

/**
 * Gets a new access token, once for all requests of all tabs that ask at the same time. `null`:
 * the session has ended. Throws a problem if the server cannot be asked.
 */
export function refresh(): Promise<Live | null> {
  const before = live.value?.token;
  const renewal = (refreshing ??= refreshLocked(before).finally(() => {
    refreshing = null;
  }));
  return renewal;
}

async function refreshLocked(before: string | undefined): Promise<Live | null> {
  return await navigator.locks.request(LOCK, async (): Promise<Live | null> => {
    // Another tab may have refreshed while this one waited for the lock.
    const now = live.value;
    if (now && now.token !== before && now.expiresAt - EARLY_MS > Date.now()) return now;
    const response = await post("/api/auth/refresh");
    if (response.ok) return accept((await response.json()) as LoggedIn);
    const problem = await Problem.of(response);
    if (response.status === 401 || problem.code === "account_closed") return null;
    throw problem;
  });
}

/** Finds out at the start of the app whether somebody is logged in. */
export async function resume(): Promise<void> {
  if (roleHint() === null) {
    started.value = "none";
    return;
  }
  try {
    if ((await refresh()) === null) await clear();
  } catch {
    started.value = "unreachable";
  }
}

/**
 * `resume`, but not for longer than `patienceMs`: a page that opens without a network must not wait
 * for one that hangs. The session then comes when it comes.
 */
export async function start(patienceMs: number): Promise<void> {
  await Promise.race([resume(), new Promise((done) => setTimeout(done, patienceMs))]);
  if (sessionState.value === "unknown") started.value = "unreachable";
}

/** The access token, a fresh one if the last one is about to end. */
export async function accessToken(): Promise<string | null> {
  const now = live.value;
  if (now && now.expiresAt - EARLY_MS > Date.now()) return now.token;
  if (!now && roleHint() === null) return null;
  const next = await refresh();
  return next?.token ?? (await loginAgain());
}

/** After the server has refused `refused`: a token that it takes, or null. */
export async function renewedToken(refused: string): Promise<string | null> {
  const now = live.value;
  if (now && now.token !== refused) return now.token;
  const next = await refresh();
  return next?.token ?? (await loginAgain());
}

let asking: Promise<boolean> | null = null;

/**
 * Asks the person to log in again, on the page that they are on, so that nothing typed is lost.
 * All requests that wait share one dialog.
 */
async function loginAgain(): Promise<string | null> {
  const who = live.value?.account;
  if (!who) {
    await clear();
    return null;
  }
  asking ??= new Promise<boolean>((done) => {
    wanted.value = { account: who, done };
  }).finally(() => {
    wanted.value = null;
    asking = null;
  });
  if (await asking) return live.value?.token ?? null;
  await logOut();
  return null;
}

/** Ends the session here and, if it can be reached, on the server. */
export async function logOut(): Promise<void> {
  await post("/api/auth/logout", undefined, live.value?.token).catch(() => null);
  channel.postMessage({ kind: "out" } satisfies News);
  await clear();
}

/** Reads the account again. Null: the session has ended, as that of a person who was rejected. */
export async function refreshAccount(): Promise<Account | null> {
  const next = await refresh();
  if (next === null) await clear();
  return next?.account ?? null;
}
