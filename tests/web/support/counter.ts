// What the stories at the counter need: students who may eat now, devices, and a camera that shows
// a code.
import { writeFileSync } from "node:fs";
import type { Browser, Page } from "@playwright/test";
import { call, ownerToken } from "./api.js";
import { newStudent, type Student } from "./people.js";
import { stack } from "./stack.js";

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

/** Opens the counter on a device that has this token. */
export async function openCounter(
  page: Page,
  token: string,
  path = "/app/counter",
): Promise<void> {
  await page.goto("/app/settings");
  await page.evaluate(
    (secret) => localStorage.setItem("thali.device", secret),
    token,
  );
  const roster = page.waitForResponse(
    (response) => response.url().includes("/scanner/roster") && response.ok(),
  );
  await page.goto(path);
  await roster;
  await page.locator("h1").waitFor();
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

const WIDTH = 640;
const HEIGHT = 480;
const FRAMES = 5;

/** Writes a film of a student's code, for Chromium's camera: the picture that the server draws. */
export async function filmOf(
  browser: Browser,
  who: Eater,
  file: string,
): Promise<void> {
  const response = await fetch(
    `${stack.url}/api/v1/students/me/qr?format=png`,
    { headers: { authorization: `Bearer ${who.token}` } },
  );
  const png = Buffer.from(await response.arrayBuffer()).toString("base64");
  const page = await browser.newPage();
  const luma = await page.evaluate(
    async ([data, width, height]) => {
      const picture = new Image();
      picture.src = `data:image/png;base64,${data}`;
      await picture.decode();
      const canvas = document.createElement("canvas");
      canvas.width = width;
      canvas.height = height;
      const context = canvas.getContext("2d");
      if (!context) throw new Error("no canvas");
      context.fillStyle = "#777";
      context.fillRect(0, 0, width, height);
      const side = height * 0.8;
      const [x, y] = [(width - side) / 2, (height - side) / 2];
      context.drawImage(picture, x, y, side, side);
      const { data: pixels } = context.getImageData(0, 0, width, height);
      return Array.from(
        { length: width * height },
        (_, index) => pixels[index * 4] ?? 0,
      );
    },
    [png, WIDTH, HEIGHT] as const,
  );
  await page.close();
  // Luma as a television has it, and no colour.
  const frame = Buffer.concat([
    Buffer.from("FRAME\n"),
    Buffer.from(luma.map((value) => 16 + Math.round((value * 219) / 255))),
    Buffer.alloc((WIDTH * HEIGHT) / 2, 128),
  ]);
  const head = `YUV4MPEG2 W${WIDTH} H${HEIGHT} F15:1 Ip A1:1 C420jpeg\n`;
  const frames = Array.from({ length: FRAMES }, () => frame);
  writeFileSync(file, Buffer.concat([Buffer.from(head), ...frames]));
}
