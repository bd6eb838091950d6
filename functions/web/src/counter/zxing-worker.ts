// Reads codes with zxing-cpp as WebAssembly, from our own origin, in a thread of its own, so that the
// page never stands still while a picture is read.
import { prepareZXingModule, readBarcodes } from "zxing-wasm/reader";
import wasm from "zxing-wasm/reader/zxing_reader.wasm?url";
import type { ToDecoder, FromDecoder } from "./zxing";

declare const self: DedicatedWorkerGlobalScope;

/** As src/sw/sw.ts names it. */
const CACHE = "thali-large-files";
/** Larger pictures take longer, and a code that fills the frame is read in smaller ones. */
const SIDE_MAX = 900;

const tell = (said: FromDecoder): void => self.postMessage(said);

/**
 * Keeps the decoder for times without a network. The service worker does so, too, but not at the
 * first visit, when it does not serve the page yet.
 */
async function keep(): Promise<void> {
  if (!("caches" in globalThis)) return;
  const cache = await caches.open(CACHE);
  if (!(await cache.match(wasm))) await cache.add(wasm);
}

let canvas: OffscreenCanvas | null = null;

function pixels(frame: VideoFrame | ImageBitmap): ImageData | null {
  const [width, height] =
    "displayWidth" in frame
      ? [frame.displayWidth, frame.displayHeight]
      : [frame.width, frame.height];
  const scale = Math.min(1, SIDE_MAX / Math.max(width, height));
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas?.width !== w || canvas.height !== h) canvas = new OffscreenCanvas(w, h);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context?.drawImage(frame, 0, 0, w, h);
  frame.close();
  return context?.getImageData(0, 0, w, h) ?? null;
}

async function read(frame: VideoFrame | ImageBitmap): Promise<string | null> {
  const picture = pixels(frame);
  if (!picture) return null;
  const [found] = await readBarcodes(picture, { formats: ["QRCode"], maxNumberOfSymbols: 1 });
  return found?.text ?? null;
}

self.onmessage = ({ data }: MessageEvent<ToDecoder>) => {
  // A picture that cannot be read is followed by the next one.
  void read(data.frame).then(
    (text) => tell({ kind: "read", text }),
    () => tell({ kind: "read", text: null }),
  );
};

prepareZXingModule({
  overrides: {
    locateFile: (path: string, prefix: string) => (path.endsWith(".wasm") ? wasm : prefix + path),
  },
  fireImmediately: true,
}).then(
  () => {
    tell({ kind: "ready" });
    void keep().catch(() => null);
  },
  () => tell({ kind: "failed" }),
);
