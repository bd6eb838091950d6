// From a code to a verdict. The scan is on the disk first; then the server is asked; and if it does
// not answer soon, the device says what its roster says, and the scan is sent later.
import { answer, api, Problem } from "../api";
import { online } from "../app/network";
import { now } from "./clock";
import { codeHash, trimmed } from "./codes";
import { identityOf, judge, sittingAt, type Asked } from "./judge";
import { look, waiting } from "./kept";
import { add, before, finish, say, sentOf, takeBack, undone } from "./queue";
import { messId, roster, rosterRefresh } from "./roster";
import { shownOf } from "./shown";
import type { Meal, Shown } from "./shapes";
import { sendWhenOnline } from "./background";
import { deviceInfo } from "./device-info";
import { alone, upload } from "./upload";
import type { KeptScan } from "./database";

/** Longer than that nobody waits in a queue. */
const ANSWER_MS_MAX = 3_000;
/** After the network has failed, the device answers at once for so long. */
const FAILED_FOR_MS = 15_000;
let failedAt = -Infinity;

export interface Verdict {
  shown: Shown;
  meal: Meal;
  at: number;
  /** Absent if the server was only asked. */
  nonce?: string;
  scanId?: string;
}

export type Student = { code: string } | { accountId: string; name?: string; rollNo?: string };

/** What a scan says, and for `record` what it does. */
export async function scan(who: Student, meal: Meal, record: boolean): Promise<Verdict> {
  const at = now();
  const text = "code" in who ? trimmed(who.code) : null;
  const asked: Asked = {
    meal,
    at,
    ...(text !== null && { code: { text, hash: await codeHash(text) } }),
    ...("accountId" in who && { accountId: who.accountId }),
  };
  const kept: KeptScan = {
    nonce: crypto.randomUUID(),
    mess: messId(),
    at,
    meal,
    deviceInfo: deviceInfo(),
    identity: identityOf(roster.value, asked),
    tried: false,
    state: "waiting",
    ...(text === null ? asked.accountId && { accountId: asked.accountId } : { code: text }),
  };
  const tried = online.value && performance.now() - failedAt > FAILED_FOR_MS;
  if (record) {
    kept.tried = tried;
    alone.add(kept.nonce);
    await add(kept);
    waiting.value += 1;
  }
  try {
    const live = tried ? await ask(kept, record) : null;
    if (live) return { ...live, meal, at };
    const shown = withName(await judgeHere(kept, asked), who);
    if (record) {
      await say(kept.nonce, shown);
      void sendWhenOnline();
    }
    return { shown, meal, at, ...(record && { nonce: kept.nonce }) };
  } finally {
    alone.delete(kept.nonce);
    if (record) void look();
  }
}

function withName(shown: Shown, who: Student): Shown {
  if (!("accountId" in who) || shown.name !== undefined) return shown;
  return { ...shown, ...(who.name && { name: who.name }) };
}

/** The server's verdict, or null if it does not answer soon. */
async function ask(kept: KeptScan, record: boolean): Promise<Omit<Verdict, "meal" | "at"> | null> {
  const { scanned_at: _at, nonce, ...sent } = sentOf(kept);
  const body = record ? { ...sent, nonce } : { ...sent, dry_run: true };
  const stop = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((done) => {
    timer = setTimeout(() => done(null), ANSWER_MS_MAX);
  });
  const asked = answer(api.POST("/api/v1/scanner/scan", { body, signal: stop.signal }));
  // It may fail after nobody waits for it any more.
  asked.catch(() => null);
  try {
    const found = await Promise.race([asked, late]);
    if (found === null) {
      failedAt = performance.now();
      return null;
    }
    failedAt = -Infinity;
    const shown = shownOf(found);
    if (!record) return { shown };
    await finish(nonce, found, shown);
    return { shown, nonce, ...(found.scan_id && { scanId: found.scan_id }) };
  } catch (caught) {
    if (!(caught instanceof Problem)) throw caught;
    if (caught.isNetwork || caught.status >= 500) failedAt = performance.now();
    return null;
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

async function judgeHere(kept: KeptScan, asked: Asked): Promise<Shown> {
  const page = roster.value?.pages[0];
  const date = page ? sittingAt(page, asked.meal, asked.at)?.date : undefined;
  const hash = asked.code ? [`code:${asked.code.hash}`] : [];
  const identities = [...new Set([kept.identity, ...hash])];
  const earlier = await before(identities, asked.meal, asked.at, date, kept.nonce);
  return judge(roster.value, asked, earlier);
}

/** The network may be back: ask the server again. */
export function networkIsBack(): void {
  failedAt = -Infinity;
}

/** Takes an admission of this device back. Throws the server's problem. */
export async function undo(kept: { nonce: string; scanId?: string }): Promise<void> {
  if (kept.scanId === undefined) {
    await takeBack(kept.nonce);
    void upload().catch(() => null);
    void sendWhenOnline();
    return;
  }
  const path = { params: { path: { scan_id: kept.scanId } } };
  await answer(api.POST("/api/v1/scanner/scans/{scan_id}/undo", path));
  await undone(kept.nonce);
  // The roster would go on to say that the student has eaten.
  void rosterRefresh().catch(() => null);
}
