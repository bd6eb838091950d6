// The roster and the mess's settings, kept on the device and refreshed while there is a network.
import { signal } from "@preact/signals";
import { answer, api, Problem } from "../api";
import { account } from "../api/session";
import { deviceToken } from "../api/device";
import { timeZone } from "../app/format";
import { clockLearns, now } from "./clock";
import { messOfToken } from "./codes";
import { database, type KeptMess, type KeptPage } from "./database";
import { rosterOf, type Roster } from "./judge";
import type { RosterPage } from "./shapes";

export const roster = signal<Roster | null>(null);
export const mess = signal<KeptMess | null>(null);
/** When the roster was last confirmed by the server. */
export const rosterAt = signal<number | null>(null);

/** More pages than any mess has. */
const PAGES_MAX = 100;
const MESS = "mess";
const FIRST = "first";

/** The mess to which a scan belongs that is made now. */
export function messId(): string {
  const { value: token } = deviceToken;
  const ofToken = token === null ? "" : messOfToken(token);
  return account.value?.mess_id ?? (ofToken || (mess.value?.id ?? ""));
}

/** Reads what the device has kept. */
export async function rosterStart(): Promise<void> {
  const db = await database();
  const known = await db.get("mess", MESS);
  if (known && "timeZone" in known) messIs(known);
  const kept = await pagesKept();
  roster.value = rosterOf(kept.map(({ page }) => page));
  rosterAt.value = roster.value?.generatedAt ?? null;
  await rosterEnds();
}

function messIs(next: KeptMess): void {
  mess.value = next;
  timeZone.value = next.timeZone;
}

async function pagesKept(): Promise<KeptPage[]> {
  const db = await database();
  const pages: KeptPage[] = [];
  let at: string | undefined = FIRST;
  while (at !== undefined && pages.length < PAGES_MAX) {
    const page: KeptPage | undefined = await db.get("roster", at);
    // A roster of which a page is missing is none.
    if (!page) return [];
    pages.push(page);
    at = page.page.next_cursor ?? undefined;
  }
  return pages;
}

/** Removes a roster that is a day old. */
export async function rosterEnds(): Promise<void> {
  if (!roster.value || roster.value.validUntil > now()) return;
  await (await database()).clear("roster");
}

async function page(cursor: string | undefined): Promise<KeptPage> {
  const db = await database();
  const kept = await db.get("roster", cursor ?? FIRST);
  const { data, error, response } = await api.GET("/api/v1/scanner/roster", {
    params: { query: cursor === undefined ? {} : { cursor } },
    ...(kept?.etag && { headers: { "if-none-match": kept.etag } }),
  });
  clockLearns(response);
  if (response.status === 304 && kept) return kept;
  if (!response.ok) throw Problem.from(response, error);
  return { etag: response.headers.get("etag"), page: data as RosterPage };
}

const whoAsks = () => deviceToken.value ?? account.value?.account_id;

/** Asks the server for what has changed. Throws a problem if it cannot be asked. */
export async function rosterRefresh(): Promise<void> {
  const asked = whoAsks();
  const settings = await answer(api.GET("/api/v1/mess"));
  const next: KeptMess = {
    id: settings.mess_id,
    name: settings.name,
    timeZone: settings.time_zone,
    overrides: settings.overrides === "allowed",
  };
  const pages: [string, KeptPage][] = [];
  let cursor: string | undefined;
  do {
    const found = await page(cursor);
    pages.push([cursor ?? FIRST, found]);
    cursor = found.page.next_cursor ?? undefined;
  } while (cursor !== undefined && pages.length < PAGES_MAX);
  const db = await database();
  // Whoever asked may not know it any more.
  if (whoAsks() !== asked) return;
  const change = db.transaction(["roster", "mess"], "readwrite");
  await change.objectStore("roster").clear();
  for (const [key, value] of pages) await change.objectStore("roster").put(value, key);
  await change.objectStore("mess").put(next, MESS);
  await change.done;
  messIs(next);
  roster.value = rosterOf(pages.map(([, kept]) => kept.page));
  rosterAt.value = now();
}

/** Forgets all students. */
export async function rosterForget(): Promise<void> {
  const db = await database();
  await db.clear("roster");
  roster.value = null;
  rosterAt.value = null;
}
