// Why a scan was refused, in words.
import { m } from "../app/language";

/** The words for a reason; the reason itself if this version does not know it. */
export function reasonName(reason: string): string {
  const names = m.owner as unknown as Record<string, (() => string) | undefined>;
  return names[`refusal_${reason}`]?.() ?? reason;
}
