// What a record of the audit trail changed, field by field.
import { day, moment, money } from "../app/format";

/** The kinds of items that are in the trail. */
export const KINDS = [
  "account",
  "member",
  "cycle",
  "cut",
  "closure",
  "plate",
  "stray",
  "item",
  "stock",
  "order",
  "purchase",
  "submission",
  "refund",
  "mess",
  "staff_token",
  "invite",
  "session",
  "registration",
  "password_reset",
  "guard",
  "lookup",
] as const;

type Fields = { [name: string]: unknown };

export interface Change {
  name: string;
  before: unknown;
  after: unknown;
  changed: boolean;
}

/** Keys and stamps, which each record has in its heading already. */
const BOOKKEEPING = new Set(["pk", "sk", "kind", "mess_id", "request_id", "actor", "changed_at"]);

/** Every field of either side by name, those that changed first. */
export function changesIn(before: Fields | null, after: Fields | null): Change[] {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  return [...names]
    .filter((name) => !BOOKKEEPING.has(name))
    .map((name) => {
      const [old, now] = [before?.[name], after?.[name]];
      return {
        name,
        before: old,
        after: now,
        changed: JSON.stringify(old) !== JSON.stringify(now),
      };
    })
    .sort((a, b) => Number(b.changed) - Number(a.changed) || a.name.localeCompare(b.name));
}

/** A value as an owner reads it: money, moments and days by the field's name. */
export function shownValue(name: string, value: unknown): string {
  if (value === undefined || value === null) return "–";
  if (typeof value === "number") {
    if (name.endsWith("_paise")) return money(value);
    if (/_(?:at|until)$/.test(name) && value > 1e12) return moment(value);
    return String(value);
  }
  if (typeof value === "string") return /^\d{4}-\d{2}-\d{2}$/.test(value) ? day(value) : value;
  return JSON.stringify(value, null, 1).replaceAll('"', "");
}
