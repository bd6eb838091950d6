// What a device says of a scan without the server: the rules of the roster, in their order. It has
// no network, no storage and no clock of its own.
import { isCode } from "./codes";
import type { Before, Meal, RosterPage, RosterStudent, Shown } from "./shapes";
import { MEALS } from "./shapes";

interface Entry {
  student: RosterStudent;
  page: RosterPage;
  /** Found by the code under the mess's previous key. */
  previous: boolean;
}

/** All pages of a roster, with what is looked up in them. */
export interface Roster {
  pages: readonly RosterPage[];
  validUntil: number;
  generatedAt: number;
  byHash: ReadonlyMap<string, Entry>;
  byAccount: ReadonlyMap<string, Entry>;
}

export function rosterOf(pages: readonly RosterPage[]): Roster | null {
  if (pages.length === 0) return null;
  const byHash = new Map<string, Entry>();
  const byAccount = new Map<string, Entry>();
  for (const page of pages) {
    for (const student of page.items) {
      const entry = { student, page, previous: false };
      byHash.set(student.code_hash, entry);
      byAccount.set(student.account_id, entry);
      if (student.previous_code_hash)
        byHash.set(student.previous_code_hash, { ...entry, previous: true });
    }
  }
  const times = (of: (page: RosterPage) => string) => pages.map((page) => Date.parse(of(page)));
  return {
    pages,
    validUntil: Math.min(...times((page) => page.valid_until)),
    generatedAt: Math.min(...times((page) => page.generated_at)),
    byHash,
    byAccount,
  };
}

export interface Asked {
  /** A text that was read, with its hash; or a student whom staff have named. */
  code?: { text: string; hash: string };
  accountId?: string;
  meal: Meal;
  at: number;
}

/** The day and the span of a meal at a time. */
export function sittingAt(page: RosterPage, meal: Meal, at: number) {
  for (const day of page.days) {
    const served = day.meals[meal];
    const span = served?.spans.find(
      ({ from, until }) => Date.parse(from) <= at && at < Date.parse(until),
    );
    if (served && span) return { date: day.date, closed: served.closed, served: span.served };
  }
  return null;
}

/** Who is meant, in a word that is the same for a code and for the student who has it. */
export function identityOf(roster: Roster | null, asked: Asked): string {
  if (asked.accountId) return asked.accountId;
  const hash = asked.code?.hash ?? "";
  return roster?.byHash.get(hash)?.student.account_id ?? `code:${hash}`;
}

/**
 * The verdict. `before` is when this device has let the same person in to the same meal; it counts
 * also where the roster can say nothing.
 */
export function judge(roster: Roster | null, asked: Asked, before: Before | null): Shown {
  const { code, accountId, meal, at } = asked;
  const offline = true;
  if (code && !isCode(code.text)) return { result: "refused", reason: "malformed_qr", offline };
  const found = accountId ? roster?.byAccount.get(accountId) : roster?.byHash.get(code?.hash ?? "");
  const student = found?.student;
  const sitting = found ? sittingAt(found.page, meal, at) : null;
  const known = {
    offline,
    ...(student && { name: student.name }),
    ...(student?.room_no && { roomNo: student.room_no }),
    ...(sitting && { date: sitting.date }),
  };
  const refused = (reason: NonNullable<Shown["reason"]>): Shown => ({
    ...known,
    result: "refused",
    reason,
  });
  const seen = before
    ? ({ ...known, result: "refused", reason: "already_scanned", before } as const)
    : null;

  if (!roster) return seen ?? { ...known, result: "unknown", doubt: "no_roster" };
  if (at >= roster.validUntil) return seen ?? { ...known, result: "unknown", doubt: "too_old" };
  if (!found || !student) return seen ?? { ...known, result: "unknown", doubt: "not_listed" };
  const until = found.page.previous_codes_until;
  if (found.previous && until && at >= Date.parse(until)) return refused("unknown_key");
  if (student.refused) return refused(student.refused);
  if (!sitting) return seen ?? { ...known, result: "unknown", doubt: "too_old" };
  if (sitting.closed) return refused("mess_closed");
  if (!sitting.served) return refused("outside_meal_window");
  const own = student.meals[sitting.date]?.[meal];
  if (own && own !== "already_scanned") return refused(own);
  if (seen) return seen;
  return own ? refused(own) : { ...known, result: "admitted" };
}

/** The meal that is served at a time; else the next one that is. */
export function mealAt(roster: Roster | null, at: number): { meal: Meal; served: boolean } | null {
  const page = roster?.pages[0];
  if (!page) return null;
  const served = MEALS.find((meal) => sittingAt(page, meal, at)?.served);
  if (served) return { meal: served, served: true };
  const coming = page.days.flatMap((day) =>
    MEALS.flatMap((meal) =>
      (day.meals[meal]?.spans ?? [])
        .filter((span) => span.served && Date.parse(span.from) > at)
        .map((span) => ({ meal, from: Date.parse(span.from) })),
    ),
  );
  const next = coming.sort((a, b) => a.from - b.from)[0];
  return next ? { meal: next.meal, served: false } : null;
}
