// The camera, and what telephones do to it: it is taken away by a call or another app, and in apps on
// an iPhone's home screen it stays black after the app was in the background. So it is started again
// whenever its picture stands still while somebody looks at the page.
import { signal } from "@preact/signals";
import { decoder } from "./decoder";

export type CameraState = "off" | "starting" | "on" | "denied" | "missing" | "busy" | "no_decoder";

const CHOICE = "thali.counter.camera";
const WANTED = "thali.counter.camera-on";
/** The pause between two readings; one takes some 20 ms. */
const READ_EVERY_MS = 70;
const WATCH_EVERY_MS = 2_000;
/** A picture that stands still for so many looks is black or frozen. */
const STILL_MAX = 2;
/** Firefox has it since version 132. */
const CALLS_BACK = "requestVideoFrameCallback" in HTMLVideoElement.prototype;

interface Zoom {
  min: number;
  max: number;
  step: number;
}

/** Not in TypeScript's types: https://w3c.github.io/mediacapture-image/ */
interface MoreCapabilities extends MediaTrackCapabilities {
  torch?: boolean;
  zoom?: Zoom;
}

export class Camera {
  state = signal<CameraState>("off");
  devices = signal<readonly { id: string; label: string }[]>([]);
  deviceId = signal<string | null>(localStorage.getItem(CHOICE));
  /** Null where there is none. */
  torch = signal<boolean | null>(null);
  zoom = signal<(Zoom & { value: number }) | null>(null);

  #video: HTMLVideoElement | null = null;
  #stream: MediaStream | null = null;
  #onText: (text: string) => void;
  #reading: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  /** Pictures seen so far, and at the last look. */
  #pictures = 0;
  #picturesThen = -1;
  #still = 0;
  /** Counts starts, so that a start that was overtaken stops itself. */
  #turn = 0;

  constructor(onText: (text: string) => void) {
    this.#onText = onText;
  }

  /** Whether it was on when the page was left. */
  static get wasOn(): boolean {
    return localStorage.getItem(WANTED) !== null;
  }

  /** Where its picture is shown; null when that is gone. */
  attach(video: HTMLVideoElement | null): void {
    this.#video = video;
    if (video) document.addEventListener("visibilitychange", this.#onVisible);
    else document.removeEventListener("visibilitychange", this.#onVisible);
  }

  async start(): Promise<void> {
    const turn = (this.#turn += 1);
    this.#release();
    this.state.value = "starting";
    // Loaded while the person is asked for the camera.
    const decoding = decoder();
    decoding.catch(() => null);
    try {
      const stream = await this.#open();
      if (turn !== this.#turn || !this.#video) {
        for (const track of stream.getTracks()) track.stop();
        return;
      }
      this.#stream = stream;
      this.#video.srcObject = stream;
      await this.#video.play().catch(() => null);
      this.#capabilities();
      localStorage.setItem(WANTED, "1");
      void this.#list();
    } catch (error) {
      if (turn === this.#turn) this.state.value = failure(error);
      return;
    }
    try {
      const decode = await decoding;
      if (turn !== this.#turn) return;
      this.state.value = "on";
      this.#watchOver();
      void this.#read(decode, turn);
    } catch {
      if (turn === this.#turn) this.state.value = "no_decoder";
    }
  }

  /** `forNow`: it starts by itself when the page is opened again. */
  stop(forNow = false): void {
    this.#turn += 1;
    this.#release();
    this.state.value = "off";
    if (!forNow) localStorage.removeItem(WANTED);
  }

  async choose(id: string): Promise<void> {
    this.deviceId.value = id;
    localStorage.setItem(CHOICE, id);
    await this.start();
  }

  async torchSet(on: boolean): Promise<void> {
    if (await this.#apply({ torch: on })) this.torch.value = on;
  }

  async zoomSet(value: number): Promise<void> {
    const { zoom } = this;
    if (zoom.value) zoom.value = { ...zoom.value, value };
    await this.#apply({ zoom: value });
  }

  /** Whether the camera has done it. */
  async #apply(constraint: { torch: boolean } | { zoom: number }): Promise<boolean> {
    const advanced = [constraint] as MediaTrackConstraintSet[];
    try {
      await this.#track?.applyConstraints({ advanced });
      return true;
    } catch {
      return false;
    }
  }

  get #track(): MediaStreamTrack | undefined {
    return this.#stream?.getVideoTracks()[0];
  }

  async #open(): Promise<MediaStream> {
    if (!("mediaDevices" in navigator)) throw new DOMException("", "NotFoundError");
    const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
    const ask = (video: MediaTrackConstraints) =>
      navigator.mediaDevices.getUserMedia({ video: { ...size, ...video }, audio: false });
    const chosen = this.deviceId.value;
    if (chosen !== null) {
      try {
        return await ask({ deviceId: { exact: chosen } });
      } catch (error) {
        // The chosen camera is gone, or has another id by now.
        if (!["OverconstrainedError", "NotFoundError"].includes(nameOf(error))) throw error;
        this.deviceId.value = null;
        localStorage.removeItem(CHOICE);
      }
    }
    return await ask({ facingMode: "environment" });
  }

  #capabilities(): void {
    const track = this.#track;
    const can = (track?.getCapabilities?.() ?? {}) as MoreCapabilities;
    const settings = (track?.getSettings() ?? {}) as { zoom?: number };
    this.torch.value = can.torch ? false : null;
    this.zoom.value =
      can.zoom && can.zoom.max > can.zoom.min
        ? { ...can.zoom, step: can.zoom.step || 0.1, value: settings.zoom ?? can.zoom.min }
        : null;
  }

  async #list(): Promise<void> {
    const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    const cameras = all.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId !== "");
    this.devices.value = cameras.map(({ deviceId, label }) => ({ id: deviceId, label }));
    this.deviceId.value ??= this.#track?.getSettings().deviceId ?? null;
  }

  #watchOver(): void {
    const again = (): void => {
      if (document.visibilityState === "visible") void this.start();
    };
    this.#track?.addEventListener("ended", again);
    this.#picturesThen = -1;
    this.#still = 0;
    this.#count(this.#turn);
    this.#watch = setInterval(() => {
      if (document.visibilityState !== "visible" || !this.#video) return;
      const pictures = CALLS_BACK ? this.#pictures : this.#video.currentTime;
      const stands = pictures === this.#picturesThen || this.#isLost();
      this.#still = stands ? this.#still + 1 : 0;
      this.#picturesThen = pictures;
      if (this.#still >= STILL_MAX) again();
    }, WATCH_EVERY_MS);
  }

  /** Counts pictures, because the time of a video goes on without any. */
  #count(turn: number): void {
    if (!CALLS_BACK || turn !== this.#turn) return;
    this.#video?.requestVideoFrameCallback(() => {
      this.#pictures += 1;
      this.#count(turn);
    });
  }

  #isLost(): boolean {
    const track = this.#track;
    return !track || track.readyState === "ended" || track.muted;
  }

  #onVisible = (): void => {
    if (document.visibilityState !== "visible") return;
    // Another app may have given the camera back.
    if (this.state.value === "busy") void this.start();
    if (this.state.value === "on" && (this.#isLost() || this.#video?.paused)) void this.start();
  };

  #release(): void {
    clearTimeout(this.#reading);
    clearInterval(this.#watch);
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    if (this.#video) this.#video.srcObject = null;
    this.torch.value = null;
    this.zoom.value = null;
  }

  async #read(
    decode: (video: HTMLVideoElement) => Promise<string | null>,
    turn: number,
  ): Promise<void> {
    const video = this.#video;
    if (turn !== this.#turn || !video) return;
    if (document.visibilityState === "visible" && video.readyState >= video.HAVE_CURRENT_DATA) {
      // A picture that cannot be read is followed by the next one.
      const text = await decode(video).catch(() => null);
      if (turn !== this.#turn) return;
      if (text) this.#onText(text);
    }
    this.#reading = setTimeout(() => void this.#read(decode, turn), READ_EVERY_MS);
  }
}

const nameOf = (error: unknown): string => (error instanceof DOMException ? error.name : "");

function failure(error: unknown): CameraState {
  switch (nameOf(error)) {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    default:
      return "missing";
  }
}
