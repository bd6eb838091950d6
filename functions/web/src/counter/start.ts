// What runs behind all pages of the counter: the roster is refreshed, scans are sent, and all of it
// is forgotten when the device may not know it any more.
import { effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Problem } from "../api";
import { deviceToken } from "../api/device";
import { account, roleHint, sessionState } from "../api/session";
import { online } from "../app/network";
import { now } from "./clock";
import { forget } from "./forget";
import { sendWhenOnline } from "./background";
import { look, waiting } from "./kept";
import { tidy } from "./queue";
import { roster, rosterEnds, rosterRefresh, rosterStart } from "./roster";
import { networkIsBack } from "./scanning";
import { SCANS_NEWS } from "./shared";
import { upload } from "./upload";

const ROSTER_EVERY_MS = 5 * 60_000;
const UPLOAD_EVERY_MS = 20_000;

/** Why the roster or the scans could not be exchanged; null after the next success. */
export const trouble = signal<Problem | null>(null);
/** Whether what the device has kept is read. */
export const ready = signal(false);

let started = false;

const mayAsk = (): boolean =>
  online.value && (deviceToken.value !== null || account.value?.role === "staff");

/** Whether students may be known here: without a network, by whoever was logged in last. */
const mayKnow = (): boolean =>
  deviceToken.value !== null ||
  (sessionState.value === "unreachable" ? roleHint() : account.value?.role) === "staff";

async function attempt(what: () => Promise<void>): Promise<void> {
  if (!mayAsk()) return;
  try {
    await what();
    trouble.value = null;
    networkIsBack();
  } catch (caught) {
    if (!(caught instanceof Problem)) console.error(caught);
    trouble.value = caught instanceof Problem ? caught : Problem.local("unknown");
  }
}

/** Sends what waits, then asks for the roster. */
export async function exchange(): Promise<void> {
  await attempt(upload);
  await attempt(rosterRefresh);
}

async function start(): Promise<void> {
  // A token may have ended while this page was closed.
  if (!mayKnow()) await forget();
  await rosterStart();
  await tidy(now());
  ready.value = true;
  if (waiting.value > 0) void sendWhenOnline();
  new BroadcastChannel(SCANS_NEWS).onmessage = () => void look();
  let token = deviceToken.value;
  effect(() => {
    // A token that was removed or revoked takes with it what it has shown.
    if (token !== null && deviceToken.value === null && account.value?.role !== "staff")
      void forget();
    token = deviceToken.value;
    // The network is back, or somebody has logged in.
    if (mayAsk()) void exchange();
  });
  setInterval(() => {
    void rosterEnds();
    if (document.visibilityState === "visible") void attempt(rosterRefresh);
  }, ROSTER_EVERY_MS);
  setInterval(() => {
    if (waiting.value > 0) void attempt(upload);
  }, UPLOAD_EVERY_MS);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible") return;
    void look();
    const old = !roster.value || now() - roster.value.generatedAt > ROSTER_EVERY_MS;
    if (waiting.value > 0 || old) void exchange();
  });
}

/** Each page of the counter begins with this. */
export function useCounter(): void {
  useEffect(() => {
    if (started) return;
    started = true;
    start().catch((error: unknown) => console.error(error));
  }, []);
}
