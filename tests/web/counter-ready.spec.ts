// How the counter feels at a full queue: how soon it takes the next code, and how it sounds.
import { expect, test, type Page } from "@playwright/test";
import { codeOf, MARK, withCamera } from "./support/camera.js";
import {
  deviceToken,
  eater,
  mealNow,
  openCounter,
  scanByWedge,
  verdict,
} from "./support/counter.js";

test.setTimeout(240_000);

/**
 * The next code is taken so soon after the last verdict. All other work of this machine can only make
 * it later, so the fastest of some rounds is held against it.
 */
const READY_MS_MAX = 300;
const ROUNDS = 5;

/** When the page sent its scans, on its own clock. */
const sentAt = (page: Page) =>
  page.evaluate(() =>
    performance
      .getEntriesByType("resource")
      .filter(({ name }) => name.endsWith("/api/v1/scanner/scan"))
      .map(({ startTime }) => startTime),
  );

function readyInTime(name: string, took: readonly number[]): void {
  const sorted = [...took].sort((a, b) => a - b).map(Math.round);
  console.log(`${name}: ready after ${sorted.join(", ")} ms`);
  test.info().annotations.push({ type: name, description: sorted.join(", ") });
  expect(took.length).toBeGreaterThanOrEqual(ROUNDS);
  expect(sorted[0]).toBeLessThan(READY_MS_MAX);
}

test("a hardware scanner's next code is taken within 300 ms", async ({
  page,
}) => {
  await mealNow();
  const student = await eater();
  const device = await deviceToken("Story ready");
  await openCounter(page, device.token);
  for (const enter of [true, false]) {
    const took: number[] = [];
    for (let round = 0; took.length < ROUNDS; round += 1) {
      const before = (await sentAt(page)).length;
      // The verdict before is dismissed, or still there: a code replaces it.
      if (round % 2 === 1 && (await verdict(page).isVisible()))
        await page.getByRole("button", { name: "Next" }).click();
      const shownAt = await page.evaluate(() => performance.now());
      await scanByWedge(page, student.code, enter);
      // After a late answer the device judges alone for a while, and sends nothing.
      const isSent = await expect
        .poll(async () => (await sentAt(page)).length)
        .toBe(before + 1)
        .then(
          () => true,
          () => false,
        );
      if (!isSent) continue;
      took.push(((await sentAt(page))[before] ?? Infinity) - shownAt);
      await expect(verdict(page)).toBeVisible();
    }
    readyInTime(`hardware scanner ${enter ? "with" : "without"} Enter`, took);
  }
});

test("the camera takes the next code within 300 ms", async ({
  browser,
}, info) => {
  await mealNow();
  const [first, second] = [await eater(), await eater({ paid: false })];
  const device = await deviceToken("Story ready camera");
  // Long enough for the server's answer to the code before.
  const scenes = [
    { png: await codeOf(first), seconds: 4 },
    { png: await codeOf(second), seconds: 4 },
  ];
  await withCamera(browser, info, scenes, async (page) => {
    await openCounter(page, device.token);
    await page.getByRole("button", { name: "Turn on the camera" }).click();
    await expect(verdict(page)).toBeVisible({ timeout: 60_000 });
    // When each scene began to be seen.
    await page.getByLabel("Camera picture").evaluate((element, { x, y }) => {
      const video = element as HTMLVideoElement;
      const changes: number[] = [];
      Object.assign(window, { changes });
      const canvas = new OffscreenCanvas(1, 1);
      const context = canvas.getContext("2d", { willReadFrequently: true });
      let was: boolean | null = null;
      const look = (at: number): void => {
        context?.drawImage(video, x, y, 1, 1, 0, 0, 1, 1);
        const isLight = (context?.getImageData(0, 0, 1, 1).data[0] ?? 0) > 128;
        if (was !== null && was !== isLight) changes.push(at);
        was = isLight;
        video.requestVideoFrameCallback(look);
      };
      video.requestVideoFrameCallback(look);
    }, MARK);
    const measured = async (): Promise<number[]> => {
      const seen = await page.evaluate(
        () => (window as unknown as { changes: number[] }).changes,
      );
      const sent = await sentAt(page);
      return seen.flatMap((at, index) => {
        const next = sent.find((each) => each >= at);
        const isOfThis =
          next !== undefined && next < (seen[index + 1] ?? Infinity);
        return isOfThis ? [next - at] : [];
      });
    };
    await expect
      .poll(async () => (await measured()).length, { timeout: 180_000 })
      .toBeGreaterThanOrEqual(ROUNDS);
    await expect(verdict(page)).toBeVisible();
    const took = await measured();
    readyInTime("camera", took);
  });
});

interface Heard {
  tones: { hertz: number; wave: string; lengthMs: number }[];
  vibrations: number[][];
}

test("a green and a red sound and feel different", async ({ page }) => {
  await page.addInitScript(() => {
    const heard: Heard = { tones: [], vibrations: [] };
    Object.assign(window, { heard });
    const { start, stop } = AudioScheduledSourceNode.prototype;
    const starts = new WeakMap<AudioScheduledSourceNode, number>();
    AudioScheduledSourceNode.prototype.start = function (at = 0) {
      starts.set(this, at);
      start.call(this, at);
    };
    AudioScheduledSourceNode.prototype.stop = function (at = 0) {
      stop.call(this, at);
      if (!(this instanceof OscillatorNode)) return;
      heard.tones.push({
        hertz: this.frequency.value,
        wave: this.type,
        lengthMs: Math.round((at - (starts.get(this) ?? 0)) * 1000),
      });
    };
    Navigator.prototype.vibrate = (pattern) => {
      heard.vibrations.push([pattern].flat() as number[]);
      return true;
    };
  });
  const heard = async (): Promise<Heard> => {
    const said = await page.evaluate(() => {
      const spy = window as unknown as { heard: Heard };
      const copy = structuredClone(spy.heard);
      spy.heard.tones.length = 0;
      spy.heard.vibrations.length = 0;
      return copy;
    });
    return said;
  };
  await mealNow();
  const student = await eater();
  const device = await deviceToken("Story sounds");
  await openCounter(page, device.token);
  // Browsers allow sounds after the first touch.
  await page.getByRole("heading", { name: "Counter" }).click();
  await scanByWedge(page, student.code);
  await expect(verdict(page)).toHaveClass(/verdict-admitted/);
  const green = await heard();
  await scanByWedge(page, student.code);
  await expect(verdict(page)).toHaveClass(/verdict-refused/);
  const red = await heard();
  expect(green.tones.length).toBeGreaterThan(0);
  expect(red.tones.length).toBeGreaterThan(0);
  // Two high tones, and a long low one.
  const highest = (all: Heard) => Math.max(...all.tones.map((it) => it.hertz));
  expect(green.tones.length).not.toBe(red.tones.length);
  expect(highest(green)).toBeGreaterThan(3 * highest(red));
  expect(green.vibrations).toHaveLength(1);
  expect(red.vibrations).toHaveLength(1);
  expect(red.vibrations).not.toEqual(green.vibrations);

  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Turn the sound off" }).click();
  await scanByWedge(page, student.code);
  await expect(verdict(page)).toHaveClass(/verdict-refused/);
  const silent = await heard();
  expect(silent.tones).toEqual([]);
  expect(silent.vibrations).toEqual(red.vibrations);
});
