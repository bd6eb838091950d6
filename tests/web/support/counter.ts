// What the stories at the counter need: students who may eat now, and devices.
import { expect, type Page } from "@playwright/test";
import { call, ownerToken } from "./api.js";
import { newStudent, type Student } from "./people.js";

export { call, ownerToken } from "./api.js";

type Meal = "BREAKFAST" | "LUNCH" | "DINNER";
const MEALS: readonly Meal[] = ["BREAKFAST", "LUNCH", "DINNER"];
const ZONE = "Asia/Kolkata";
const HOUR_MS = 3_600_000;

const clockOf = (at: number): string =>
  new Intl.DateTimeFormat("en-GB", {
    timeZone: ZONE,
    hour: "2-digit",
    minute: "2-digit",
  }).format(at);

export const dayOf = (at: number): string =>
  new Intl.DateTimeFormat("en-CA", { timeZone: ZONE }).format(at);

interface Window {
  opens: string;
  closes: string;
}

/** The meal that is served now. Where none is, lunch is, for the next hours. */
export async function mealNow(): Promise<{ meal: Meal; label: string }> {
  const token = await ownerToken();
  const mess = await call<{ meal_windows: Partial<Record<Meal, Window>> }>(
    "GET",
    "/api/v1/mess",
    token,
  );
  const covers = (window: Window | undefined, clock: string): boolean => {
    if (!window) return false;
    const { opens, closes } = window;
    return opens < closes
      ? opens <= clock && clock < closes
      : opens <= clock || clock < closes;
  };
  const now = Date.now();
  // Not one that ends while a story is told.
  let meal = MEALS.find((each) => {
    const window = mess.meal_windows[each];
    return (
      covers(window, clockOf(now)) && covers(window, clockOf(now + HOUR_MS / 4))
    );
  });
  if (!meal) {
    meal = "LUNCH";
    const opens = clockOf(now - HOUR_MS);
    const closes = clockOf(now + 4 * HOUR_MS);
    await call("PATCH", "/api/v1/mess", token, {
      meal_windows: { LUNCH: { opens, closes } },
    });
  }
  const label = { BREAKFAST: "Breakfast", LUNCH: "Lunch", DINNER: "Dinner" };
  return { meal, label: label[meal] };
}

export interface Eater extends Student {
  code: string;
}

let made = 0;

/** A student with a code; with `paid`, one whose cycle has the present days. */
export async function eater({ paid = true } = {}): Promise<Eater> {
  made += 1;
  const name = `Zoya ${process.pid} ${Date.now().toString(36)} ${made}`;
  const student = await newStudent(name, { room_no: "B-12" });
  const { token } = student;
  if (paid) {
    const day = 24 * HOUR_MS;
    const { payment_id } = await call<{ payment_id: string }>(
      "POST",
      "/api/v1/payments/upload",
      token,
      {
        cycle_start: dayOf(Date.now() - 2 * day),
        cycle_end: dayOf(Date.now() + 20 * day),
        amount_paise: 450_000,
        screenshot_url: "https://example.com/receipt.png",
      },
    );
    const verify = `/api/v1/payments/${payment_id}/verify`;
    await call("POST", verify, await ownerToken(), {});
  }
  const { qr_data } = await call<{ qr_data: string }>(
    "GET",
    "/api/v1/students/me/qr",
    token,
  );
  return { ...student, code: qr_data };
}

export interface DeviceToken {
  id: string;
  token: string;
}

export async function deviceToken(name: string): Promise<DeviceToken> {
  const body = { name, expires_in_days: 1 };
  const answer = await call<{ staff_token_id: string; token: string }>(
    "POST",
    "/api/v1/staff-tokens",
    await ownerToken(),
    body,
  );
  return { id: answer.staff_token_id, token: answer.token };
}

/** A scan by another device, without the app. */
export const scanElsewhere = (
  token: string,
  code: string,
  meal: Meal,
  more: { dry_run?: boolean } = {},
): Promise<{ result: string; reason?: string }> =>
  call("POST", "/api/v1/scanner/scan", token, {
    qr_data: code,
    meal,
    ...more,
    ...(!more.dry_run && { nonce: crypto.randomUUID() }),
  });

/** Registers a device with its token, and opens the counter on it. */
export async function openCounter(
  page: Page,
  token: string,
  path = "/app/counter",
): Promise<void> {
  await page.goto("/app/counter/device");
  await page.getByLabel("Device token").fill(token);
  await page.getByRole("button", { name: "Use it" }).click();
  await expect(page.getByText("This device is registered for")).toBeVisible({
    timeout: 30_000,
  });
  // It may have the roster already, from the page before.
  const roster = page.waitForResponse(
    (response) =>
      response.url().includes("/scanner/roster") &&
      (response.ok() || response.status() === 304),
  );
  await page.goto(path);
  await roster;
  await page.locator("h1").waitFor();
}

/** What the device keeps beside its scans. */
export const keptHere = (page: Page) =>
  page.evaluate(async () => {
    const db = await new Promise<IDBDatabase>((done) => {
      const opening = indexedDB.open("thali.counter");
      opening.onsuccess = () => done(opening.result);
    });
    const all = (store: string) =>
      new Promise<unknown[]>((done) => {
        const asked = db.transaction(store).objectStore(store).getAll();
        asked.onsuccess = () => done(asked.result as unknown[]);
      });
    const [roster, values, scans] = await Promise.all(
      ["roster", "mess", "scans"].map(all),
    );
    db.close();
    const tokens = (values as { token?: string }[]).map(({ token }) => token);
    return {
      roster: roster?.length ?? 0,
      tokens: tokens.filter((token) => token !== undefined),
      scans: scans as { state: string; shown?: { name?: string } }[],
    };
  });

/** What the server knows of a student's meal. */
export async function knows(
  token: string,
  code: string,
  meal: Meal,
): Promise<string> {
  const now = await scanElsewhere(token, code, meal, { dry_run: true });
  return now.reason ?? now.result;
}

/** Types as a hardware scanner does. */
export async function scanByWedge(
  page: Page,
  code: string,
  enter = true,
): Promise<void> {
  await page.evaluate(
    ([text, end]) => {
      const keys = [...text, ...(end ? ["Enter"] : [])];
      const target = document.activeElement ?? document.body;
      // The times of the keys are a scanner's, however slow this machine is.
      let at = performance.now();
      for (const key of keys) {
        const event = new KeyboardEvent("keydown", {
          key,
          bubbles: true,
          cancelable: true,
        });
        Object.defineProperty(event, "timeStamp", { value: (at += 10) });
        target.dispatchEvent(event);
      }
    },
    [code, enter] as const,
  );
}

export const verdict = (page: Page) => page.locator("dialog.verdict[open]");
