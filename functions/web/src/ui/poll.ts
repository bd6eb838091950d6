// Asking the server again and again, while the page is looked at.
import { useEffect, useRef } from "preact/hooks";

interface Pace {
  /** The first wait. */
  firstMs: number;
  /** Each wait is half as long again as the one before, up to this. */
  longestMs: number;
  /** Nothing is asked while it is false. */
  active: boolean;
}

/**
 * Calls `ask` after a first wait, then with longer and longer waits, as long as `active`. A page
 * that nobody sees asks nothing; once it is seen again, it asks at once and at the first pace. The
 * waits start anew when `restart` changes.
 */
export function usePoll(
  ask: () => unknown,
  { firstMs, longestMs, active }: Pace,
  restart?: unknown,
): void {
  const current = useRef(ask);
  current.current = ask;
  useEffect(() => {
    if (!active) return;
    let waitMs = firstMs;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stopped = false;
    const plan = (): void => {
      clearTimeout(timer);
      if (stopped || document.visibilityState !== "visible") return;
      timer = setTimeout(() => void turn(), waitMs);
    };
    const turn = async (): Promise<void> => {
      waitMs = Math.min(waitMs * 1.5, longestMs);
      // What fails is asked again like everything else.
      await Promise.resolve()
        .then(() => current.current())
        .catch(() => null);
      plan();
    };
    const seen = (): void => {
      waitMs = firstMs;
      if (document.visibilityState === "visible") void turn();
      else clearTimeout(timer);
    };
    plan();
    document.addEventListener("visibilitychange", seen);
    addEventListener("online", seen);
    return () => {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
      removeEventListener("online", seen);
    };
  }, [active, firstMs, longestMs, restart]);
}
