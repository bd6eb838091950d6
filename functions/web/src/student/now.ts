// The time, for what counts down.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { m } from "../app/language";

/** The present time in milliseconds, again and again. */
export function useNow(everyMs: number): number {
  const now = useSignal(Date.now());
  useEffect(() => {
    const tick = (): void => {
      now.value = Date.now();
    };
    const timer = setInterval(tick, everyMs);
    document.addEventListener("visibilitychange", tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", tick);
    };
  }, [everyMs]);
  return now.value;
}

/** How long something still lasts, in the two largest units: `3 h 12 min`. */
export function remaining(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return m.student.left_minutes({ minutes, seconds: seconds % 60 });
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return m.student.left_hours({ hours, minutes: minutes % 60 });
  return m.student.left_days({ days: Math.floor(hours / 24), hours: hours % 24 });
}
