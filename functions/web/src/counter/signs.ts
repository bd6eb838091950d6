// A sound and a vibration for each verdict, so that nobody has to look at the screen. They differ in
// pitch, number and length.
import { signal } from "@preact/signals";
import type { Shown } from "./shapes";

const KEY = "thali.counter.silent";
export const silent = signal(localStorage.getItem(KEY) !== null);

export function silentSet(next: boolean): void {
  silent.value = next;
  if (next) localStorage.setItem(KEY, "1");
  else localStorage.removeItem(KEY);
}

interface Tone {
  hertz: number;
  fromS: number;
  lengthS: number;
  wave: OscillatorType;
}

const SOUNDS: Record<Shown["result"], readonly Tone[]> = {
  admitted: [
    { hertz: 880, fromS: 0, lengthS: 0.09, wave: "sine" },
    { hertz: 1320, fromS: 0.1, lengthS: 0.14, wave: "sine" },
  ],
  refused: [{ hertz: 150, fromS: 0, lengthS: 0.5, wave: "sawtooth" }],
  unknown: [0, 0.2, 0.4].map((fromS) => ({ hertz: 520, fromS, lengthS: 0.1, wave: "triangle" })),
};
const VIBRATIONS: Record<Shown["result"], number[]> = {
  admitted: [70],
  refused: [250, 90, 250],
  unknown: [70, 70, 70, 70, 70],
};
const VOLUME = 0.35;

let context: AudioContext | null = null;

/** Browsers let a page make sounds only after the person has touched it. */
export function soundsAllowed(): void {
  try {
    context ??= new AudioContext();
    void context.resume();
  } catch {
    // No sounds, then.
  }
}

export function sign(result: Shown["result"]): void {
  if ("vibrate" in navigator) navigator.vibrate(VIBRATIONS[result]);
  if (silent.value || context?.state !== "running") return;
  for (const { hertz, fromS, lengthS, wave } of SOUNDS[result]) {
    const oscillator = new OscillatorNode(context, { frequency: hertz, type: wave });
    const from = context.currentTime + fromS;
    const gain = new GainNode(context, { gain: 0 });
    // A tone that begins or ends at once clicks.
    gain.gain.setValueAtTime(0, from);
    gain.gain.linearRampToValueAtTime(VOLUME, from + 0.01);
    gain.gain.setValueAtTime(VOLUME, from + lengthS - 0.02);
    gain.gain.linearRampToValueAtTime(0, from + lengthS);
    oscillator.connect(gain).connect(context.destination);
    oscillator.start(from);
    oscillator.stop(from + lengthS);
  }
}
