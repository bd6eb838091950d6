// The API's types that the counter's pages share.
import type { Schema } from "../api";

export type Meal = Schema<"Meal">;
export type Reason = Schema<"ScanRefusal">;
export type RosterPage = Schema<"Roster">;
export type RosterStudent = Schema<"RosterStudent">;
export type ScanAnswer = Schema<"Scan">;

export const MEALS: readonly Meal[] = ["BREAKFAST", "LUNCH", "DINNER"];

/** Why a device alone cannot say whether somebody may eat. */
export type Doubt = "no_roster" | "too_old" | "not_listed";

/** When and where somebody was let in before. */
export interface Before {
  at: number;
  /** Absent: at this device. */
  device?: string;
}

/** What the screen says about a scan. */
export interface Shown {
  result: "admitted" | "refused" | "unknown";
  reason?: Reason;
  doubt?: Doubt;
  name?: string;
  rollNo?: string;
  roomNo?: string;
  /** An address that is valid for some minutes; never kept. */
  picture?: string;
  before?: Before;
  /** The meal's day, if it is known. */
  date?: string;
  /** Judged by this device, with its roster. */
  offline: boolean;
}

/** What the server says of an uploaded scan that a person should look at. */
export type Trouble =
  | { kind: "let_in"; reason: Reason; before?: Before }
  | { kind: "sent_away" }
  | { kind: "past_unknown" }
  | { kind: "not_taken"; reason: string };
