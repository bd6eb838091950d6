import { expect, test } from "vitest";
import { codeHash, isCode, trimmed } from "./codes";
import { identityOf, judge, mealAt, rosterOf, type Asked } from "./judge";
import type { RosterPage, RosterStudent } from "./shapes";

const CODE = "v1|acc|k1|nonce|signature";
const at = (time: string): number => Date.parse(`2026-01-15T${time}:00Z`);

function student(more: Partial<RosterStudent> = {}): RosterStudent {
  return {
    code_hash: "hash",
    account_id: "acc_1",
    name: "Asha",
    room_no: "B-12",
    meals: {},
    ...more,
  };
}

function page(items: RosterStudent[], more: Partial<RosterPage> = {}): RosterPage {
  const span = (from: string, until: string, served: boolean) => ({
    from: `2026-01-15T${from}:00Z`,
    until: `2026-01-15T${until}:00Z`,
    served,
  });
  const meal = (opens: string, closes: string) => ({
    closed: false,
    spans: [span("00:00", opens, false), span(opens, closes, true), span(closes, "23:59", false)],
  });
  return {
    generated_at: "2026-01-15T05:00:00Z",
    valid_until: "2026-01-16T05:00:00Z",
    days: [
      {
        date: "2026-01-15",
        meals: {
          BREAKFAST: meal("02:00", "04:00"),
          LUNCH: meal("07:00", "09:00"),
          DINNER: meal("14:00", "16:00"),
        },
      },
    ],
    items,
    ...more,
  };
}

const asked = (more: Partial<Asked> = {}): Asked => ({
  code: { text: CODE, hash: "hash" },
  meal: "LUNCH",
  at: at("08:00"),
  ...more,
});

const verdict = (
  pages: RosterPage[],
  of: Asked = asked(),
  before: { at: number } | null = null,
) => {
  const { result, reason, doubt } = judge(rosterOf(pages), of, before);
  return reason ?? doubt ?? result;
};

test("a listed student in the window is admitted with name and room", () => {
  const shown = judge(rosterOf([page([student()])]), asked(), null);
  expect(shown).toEqual({
    result: "admitted",
    offline: true,
    name: "Asha",
    roomNo: "B-12",
    date: "2026-01-15",
  });
});

test("each refusal of the roster is said", () => {
  const closed = page([student()]);
  closed.days[0]!.meals.LUNCH!.closed = true;
  const cases: [string, RosterPage, Asked?][] = [
    ["malformed_qr", page([student()]), asked({ code: { text: "https://x.example", hash: "h" } })],
    ["blocked", page([student({ refused: "blocked" })])],
    ["mess_closed", closed],
    ["outside_meal_window", page([student()]), asked({ at: at("09:00") })],
    ["mess_cut", page([student({ meals: { "2026-01-15": { LUNCH: "mess_cut" } } })])],
    ["no_active_cycle", page([student({ meals: { "2026-01-15": { LUNCH: "no_active_cycle" } } })])],
    ["already_scanned", page([student({ meals: { "2026-01-15": { LUNCH: "already_scanned" } } })])],
    ["admitted", page([student({ meals: { "2026-01-15": { DINNER: "mess_cut" } } })])],
    ["admitted", page([student({ meals: { "2026-01-14": { LUNCH: "mess_cut" } } })])],
  ];
  for (const [expected, roster, of] of cases)
    expect(verdict([roster], of), expected).toBe(expected);
});

test("a code of the previous key is refused once its grace has ended", () => {
  const items = [student({ code_hash: "new", previous_code_hash: "hash" })];
  const until = (time: string) => page(items, { previous_codes_until: `2026-01-15T${time}:00Z` });
  expect(verdict([until("08:01")])).toBe("admitted");
  expect(verdict([until("08:00")])).toBe("unknown_key");
});

test("nobody is judged by a roster that is missing, too old, or does not know the code", () => {
  expect(verdict([])).toBe("no_roster");
  expect(verdict([page([student()], { valid_until: "2026-01-15T08:00:00Z" })])).toBe("too_old");
  expect(verdict([page([])])).toBe("not_listed");
  const other = page([student({ code_hash: "other", account_id: "acc_2" })], {
    valid_until: "2026-01-15T07:59:00Z",
  });
  // The roster is as old as its oldest page.
  expect(verdict([page([student()]), other])).toBe("too_old");
});

test("who was let in here before is refused, with or without a roster", () => {
  const before = { at: at("07:30") };
  for (const pages of [[], [page([])], [page([student()])]])
    expect(verdict(pages, asked(), before)).toBe("already_scanned");
  // A reason of the student's own comes first, as on the server.
  const cut = page([student({ meals: { "2026-01-15": { LUNCH: "mess_cut" } } })]);
  expect(verdict([cut], asked(), before)).toBe("mess_cut");
});

test("a student whom staff name is judged by the account", () => {
  const named: Asked = { accountId: "acc_1", meal: "LUNCH", at: at("08:00") };
  expect(verdict([page([student()])], named)).toBe("admitted");
  expect(verdict([page([])], named)).toBe("not_listed");
});

test("a code and the name of its student are the same person", () => {
  const roster = rosterOf([page([student()])]);
  expect(identityOf(roster, asked())).toBe("acc_1");
  expect(identityOf(roster, { accountId: "acc_1", meal: "LUNCH", at: 0 })).toBe("acc_1");
  expect(identityOf(null, asked())).toBe("code:hash");
});

test("the meal follows the clock, else the next one is meant", () => {
  const roster = rosterOf([page([])]);
  expect(mealAt(roster, at("08:00"))).toEqual({ meal: "LUNCH", served: true });
  expect(mealAt(roster, at("10:00"))).toEqual({ meal: "DINNER", served: false });
  expect(mealAt(roster, at("17:00"))).toBeNull();
  expect(mealAt(null, at("08:00"))).toBeNull();
});

test("a code's hash is the one of the roster", async () => {
  // printf v1 | openssl dgst -sha256 -binary | head -c 16 | basenc --base64url
  expect(await codeHash("v1")).toBe("O_wmlZTvZJIo6adLqwDwQg");
});

test("what surrounds a code is no part of it", () => {
  expect(trimmed(`\ufeff  \u200b${CODE}\r\n\u0000`)).toBe(CODE);
  expect(trimmed("v1|a b")).toBe("v1|a b");
  expect(isCode(CODE)).toBe(true);
  for (const text of ["", "v1|a|b|c", "v2|a|b|c|d", `${CODE}|more`])
    expect(isCode(text)).toBe(false);
});
