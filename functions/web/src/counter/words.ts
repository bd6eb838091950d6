// What a verdict says in words.
import { time } from "../app/format";
import { m } from "../app/language";
import type { Before, Shown } from "./shapes";

export function reasonText(shown: Shown): string | null {
  if (shown.doubt) return m.counter[`doubt_${shown.doubt}`]();
  return shown.reason ? m.counter[`reason_${shown.reason}`]() : null;
}

export const beforeText = (before: Before): string =>
  before.device === undefined
    ? m.counter.verdict_before_here({ time: time(before.at) })
    : m.counter.verdict_before({ time: time(before.at), device: before.device });
