// The decoder for browsers that have none: zxing-cpp as WebAssembly, from our own origin.
import { prepareZXingModule, readBarcodes } from "zxing-wasm/reader";
import wasm from "zxing-wasm/reader/zxing_reader.wasm?url";

/** As src/sw/sw.ts names it. */
const CACHE = "thali-large-files";
/** Larger pictures take longer, and a code that fills the frame is read in smaller ones. */
const SIDE_MAX = 900;

/**
 * Keeps the decoder for times without a network. The service worker does so, too, but not at the
 * first visit, when it does not serve the page yet.
 */
async function keep(): Promise<void> {
  if (!("caches" in globalThis)) return;
  const cache = await caches.open(CACHE);
  if (!(await cache.match(wasm))) await cache.add(wasm);
}

export async function zxing(): Promise<(video: HTMLVideoElement) => Promise<string | null>> {
  await prepareZXingModule({
    overrides: {
      locateFile: (path: string, prefix: string) => (path.endsWith(".wasm") ? wasm : prefix + path),
    },
    fireImmediately: true,
  });
  void keep().catch(() => null);
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return async (video) => {
    const { videoWidth: width, videoHeight: height } = video;
    if (!context || width === 0 || height === 0) return null;
    const scale = Math.min(1, SIDE_MAX / Math.max(width, height));
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const picture = context.getImageData(0, 0, canvas.width, canvas.height);
    const [found] = await readBarcodes(picture, { formats: ["QRCode"], maxNumberOfSymbols: 1 });
    return found?.text ?? null;
  };
}
