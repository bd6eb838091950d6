// The decoder for browsers that have none. It works in a thread of its own; the page only hands it
// the camera's pictures.
import type { Decoder } from "./decoder";
import ZxingWorker from "./zxing-worker?worker";

export interface ToDecoder {
  frame: VideoFrame | ImageBitmap;
}
export type FromDecoder =
  { kind: "ready" } | { kind: "failed" } | { kind: "read"; text: string | null };

/** The camera's picture of this moment, without copying it on the page's thread where that goes. */
async function frameOf(video: HTMLVideoElement): Promise<VideoFrame | ImageBitmap> {
  if ("VideoFrame" in globalThis) {
    try {
      return new VideoFrame(video);
    } catch {
      // Some browsers make none of a camera's picture.
    }
  }
  return await createImageBitmap(video);
}

/** A worker that answers nothing for so long is dead. */
const ANSWER_MS_MAX = 10_000;

export async function zxing(): Promise<Decoder> {
  const worker = new ZxingWorker();
  let heard: (said: FromDecoder) => void = () => undefined;
  const next = (): Promise<FromDecoder> =>
    new Promise((done, failed) => {
      const late = setTimeout(
        () => failed(new Error("the decoder does not answer")),
        ANSWER_MS_MAX,
      );
      heard = (said) => {
        clearTimeout(late);
        done(said);
      };
    });
  worker.onmessage = ({ data }: MessageEvent<FromDecoder>) => heard(data);
  worker.onerror = () => heard({ kind: "failed" });
  const started = await next().catch((): FromDecoder => ({ kind: "failed" }));
  if (started.kind !== "ready") {
    worker.terminate();
    throw new Error("the decoder could not be loaded");
  }
  return async (video) => {
    if (video.videoWidth === 0) return null;
    const frame = await frameOf(video);
    const answer = next();
    worker.postMessage({ frame } satisfies ToDecoder, [frame]);
    const said = await answer;
    return said.kind === "read" ? said.text : null;
  };
}
