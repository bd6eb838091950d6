// A camera for the stories: Chromium plays a film in place of one.
import {
  chromium,
  type Browser,
  type Page,
  type TestInfo,
} from "@playwright/test";
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Eater } from "./counter.js";
import { stack } from "./stack.js";

const WIDTH = 640;
const HEIGHT = 480;
const FRAMES_A_SECOND = 15;

/** A square in the film's corner is light in each second scene, so that a page sees when one begins. */
export const MARK = { x: 20, y: 20 };
const MARK_SIDE = 40;

interface Scene {
  /** None: nothing is in front of the camera. */
  png: Buffer | null;
  seconds: number;
}

/** The picture of a student's code that the server draws. */
export async function codeOf(who: Eater): Promise<Buffer> {
  const response = await fetch(
    `${stack.url}/api/v1/students/me/qr?format=png`,
    { headers: { authorization: `Bearer ${who.token}` } },
  );
  return Buffer.from(await response.arrayBuffer());
}

/** Luma as a television has it. */
async function lumaOf(page: Page, png: Buffer | null, isLight: boolean) {
  const luma = await page.evaluate(
    async ([data, width, height, corner, side]) => {
      const canvas = document.createElement("canvas");
      canvas.width = width;
      canvas.height = height;
      const context = canvas.getContext("2d");
      if (!context) throw new Error("no canvas");
      context.fillStyle = "#777";
      context.fillRect(0, 0, width, height);
      if (data !== null) {
        const picture = new Image();
        picture.src = `data:image/png;base64,${data}`;
        await picture.decode();
        const size = height * 0.8;
        const [x, y] = [(width - size) / 2, (height - size) / 2];
        context.drawImage(picture, x, y, size, size);
      }
      context.fillStyle = corner;
      context.fillRect(0, 0, side, side);
      const { data: pixels } = context.getImageData(0, 0, width, height);
      return Array.from(
        { length: width * height },
        (_, index) => pixels[index * 4] ?? 0,
      );
    },
    [
      png?.toString("base64") ?? null,
      WIDTH,
      HEIGHT,
      isLight ? "#fff" : "#000",
      MARK_SIDE,
    ] as const,
  );
  return Buffer.from(luma.map((value) => 16 + Math.round((value * 219) / 255)));
}

/** Writes a film of pictures, each for some time, without colour. */
async function film(
  browser: Browser,
  scenes: readonly Scene[],
  file: string,
): Promise<void> {
  const page = await browser.newPage();
  const grey = Buffer.alloc((WIDTH * HEIGHT) / 2, 128);
  const parts = [
    Buffer.from(
      `YUV4MPEG2 W${WIDTH} H${HEIGHT} F${FRAMES_A_SECOND}:1 Ip A1:1 C420jpeg\n`,
    ),
  ];
  for (const [index, { png, seconds }] of scenes.entries()) {
    const luma = await lumaOf(page, png, index % 2 === 1);
    const frame = Buffer.concat([Buffer.from("FRAME\n"), luma, grey]);
    const count = Math.max(1, Math.round(seconds * FRAMES_A_SECOND));
    parts.push(...Array.from({ length: count }, () => frame));
  }
  await page.close();
  writeFileSync(file, Buffer.concat(parts));
}

let made = 0;

/** Opens a page in a browser whose camera shows these scenes, again and again. */
export async function withCamera(
  browser: Browser,
  { project }: TestInfo,
  scenes: readonly Scene[],
  story: (page: Page) => Promise<void>,
): Promise<void> {
  made += 1;
  const file = path.join(stack.local, `web-camera-${process.pid}-${made}.y4m`);
  await film(browser, scenes, file);
  const { launchOptions, viewport, locale, timezoneId } = project.use;
  const filmed = await chromium.launch({
    ...launchOptions,
    args: [
      ...(launchOptions?.args ?? []),
      "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream",
      `--use-file-for-fake-video-capture=${file}`,
    ],
  });
  try {
    const context = await filmed.newContext({
      baseURL: stack.url,
      permissions: ["camera"],
      ...(viewport && { viewport }),
      ...(locale && { locale }),
      ...(timezoneId && { timezoneId }),
    });
    await story(await context.newPage());
  } finally {
    await filmed.close();
    rmSync(file, { force: true });
  }
}
