// What a page costs until it has its data: requests, bytes over the wire, and the times in which a
// person waits.
import type { CDPSession, Page } from "@playwright/test";
import { settled } from "./browser.js";

export interface Load {
  /** Requests that the network has answered, and what came over the wire, headers included. */
  requests: number;
  bytes: number;
  /** The bytes of each of them, by path. */
  files: Record<string, number>;
  /** In milliseconds from the start of the navigation. */
  firstPaint: number;
  firstContent: number;
  largestContent: number;
  /** How long tasks kept the page from answering a tap, beyond 50 ms each, after the first content. */
  blocked: number;
}

interface Times {
  paint: Record<string, number>;
  largest: number;
  tasks: [start: number, duration: number][];
}

/** Opens a page on a processor so many times slower than this one. */
export async function load(
  page: Page,
  path: string,
  slower = 1,
): Promise<Load> {
  await page.addInitScript(observe);
  const session = await page.context().newCDPSession(page);
  if (slower > 1)
    await session.send("Emulation.setCPUThrottlingRate", { rate: slower });
  const files = await watchNetwork(session);
  await page.goto(path);
  await settled(page);
  await page.waitForLoadState("networkidle");
  const times = await page.evaluate(
    () => (window as unknown as { times: Times }).times,
  );
  await session.detach();
  const firstContent = times.paint["first-contentful-paint"] ?? 0;
  const blocked = times.tasks
    .filter(([start]) => start > firstContent)
    .reduce((sum, [, duration]) => sum + duration - 50, 0);
  return {
    requests: Object.keys(files).length,
    bytes: Object.values(files).reduce((sum, size) => sum + size, 0),
    files,
    firstPaint: times.paint["first-paint"] ?? 0,
    firstContent,
    largestContent: times.largest,
    blocked,
  };
}

/** Runs in the page before its own scripts. */
function observe(): void {
  const times: Times = { paint: {}, largest: 0, tasks: [] };
  Object.assign(window, { times });
  const watch = (type: string, each: (entry: PerformanceEntry) => void): void =>
    new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({
      type,
      buffered: true,
    });
  watch("paint", ({ name, startTime }) => {
    times.paint[name] = startTime;
  });
  watch("largest-contentful-paint", ({ startTime }) => {
    times.largest = startTime;
  });
  watch("longtask", ({ startTime, duration }) => {
    times.tasks.push([startTime, duration]);
  });
}

/** Collects what comes over the wire, not from the service worker or a cache. */
async function watchNetwork(
  session: CDPSession,
): Promise<Record<string, number>> {
  const files: Record<string, number> = {};
  const paths = new Map<string, string>();
  session.on("Network.responseReceived", ({ requestId, response }) => {
    const isLocal =
      response.fromServiceWorker || response.fromDiskCache === true;
    const { protocol, pathname } = new URL(response.url);
    if (!isLocal && protocol.startsWith("http")) paths.set(requestId, pathname);
  });
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const path = paths.get(requestId);
    if (path !== undefined)
      files[path] = (files[path] ?? 0) + encodedDataLength;
  });
  await session.send("Network.enable");
  return files;
}
