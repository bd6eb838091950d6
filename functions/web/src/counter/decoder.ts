// What reads a code from a picture of the camera: the browser's own detector, else WebAssembly.

export type Decoder = (video: HTMLVideoElement) => Promise<string | null>;

/** https://wicg.github.io/shape-detection-api/#barcode-detection-api, which has no types yet. */
interface BarcodeDetector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}
interface BarcodeDetectors {
  new (options: { formats: string[] }): BarcodeDetector;
  getSupportedFormats(): Promise<string[]>;
}

async function ofBrowser(): Promise<Decoder | null> {
  const { BarcodeDetector } = globalThis as { BarcodeDetector?: BarcodeDetectors };
  if (!BarcodeDetector) return null;
  try {
    const formats = await BarcodeDetector.getSupportedFormats();
    if (!formats.includes("qr_code")) return null;
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    return async (video) => (await detector.detect(video))[0]?.rawValue ?? null;
  } catch {
    return null;
  }
}

let found: Promise<Decoder> | null = null;

export function decoder(): Promise<Decoder> {
  found ??= (async () => {
    const own = await ofBrowser();
    return own ?? (await (await import("./zxing")).zxing());
  })().catch((error: unknown) => {
    found = null;
    throw error;
  });
  return found;
}
