// The time as the server has it. A telephone whose clock is wrong would judge by the wrong meal, and
// the server takes no scan from the future.

/** Less than this is the way of the answer, and the second to which the header is exact. */
const DIFFERENCE_MS_MIN = 5_000;
const KEY = "thali.counter.clock";

let aheadMs = Number(localStorage.getItem(KEY) ?? 0);

export const now = (): number => Date.now() + aheadMs;

/** Learns the difference from an answer. */
export function clockLearns(response: Response): void {
  const said = Date.parse(response.headers.get("date") ?? "");
  if (Number.isNaN(said)) return;
  const difference = said - Date.now();
  aheadMs = Math.abs(difference) < DIFFERENCE_MS_MIN ? 0 : difference;
  if (aheadMs === 0) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, String(aheadMs));
}
