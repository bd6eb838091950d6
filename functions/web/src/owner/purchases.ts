// What became of a purchase of tokens, as the audit trail has it: the API lists an owner no
// purchases.
import { answer, api, type Schema } from "../api";

type Record_ = Schema<"AuditRecord">;

export interface Purchase {
  orderId: string;
  state: string;
  amountPaise: number;
  tokenCount: number;
  /** Neither redeemed nor refunded; expired ones too. */
  tokensLeft: number;
  refundUnderWay: boolean;
}

export type MismatchState = "open" | "accepted" | "refunding" | "refunded";

type Fields = { [name: string]: unknown };

const fieldsOf = (record: Record_): Fields | null =>
  record.kind === "purchase" ? (record.after ?? null) : null;

/** The records of a purchase, newest first; none if the mess has no such order. */
export async function recordsOf(orderId: string): Promise<Record_[]> {
  const { items } = await answer(
    api.GET("/api/v1/audit", { params: { query: { entity: orderId, limit: 50 } } }),
  );
  return items;
}

export function purchaseIn(records: readonly Record_[]): Purchase | null {
  const newest = records.map(fieldsOf).find((fields) => fields !== null);
  if (!newest) return null;
  const counted = (name: string): number => {
    const numbers = newest[name];
    return Array.isArray(numbers) ? numbers.length : 0;
  };
  const tokenCount = Number(newest["token_count"] ?? 0);
  return {
    orderId: String(newest["order_id"]),
    state: String(newest["state"]),
    amountPaise: Number(newest["amount_paise"] ?? 0),
    tokenCount,
    tokensLeft: tokenCount - counted("redeemed") - counted("refunded"),
    refundUnderWay: newest["refunding"] !== undefined,
  };
}

/** The state of a payment that pays for nothing. A record has it only if it changed then. */
export function mismatchIn(records: readonly Record_[], paymentId: string): MismatchState {
  for (const record of records) {
    const fields = fieldsOf(record);
    if (!fields) continue;
    if (fields["payment_id"] === paymentId) return "accepted";
    const mismatch = fields[`mismatch#${paymentId}`] as Fields | undefined;
    if (!mismatch) continue;
    if (mismatch["accepted_at"] !== undefined) return "accepted";
    if (mismatch["refunded_at"] !== undefined) return "refunded";
    return mismatch["refund_id"] === undefined ? "open" : "refunding";
  }
  return "open";
}
