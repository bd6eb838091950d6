// What students have bought, as the API lists it for owners.
import { answer, api, type Schema } from "../api";
import { allOf, filled, patiently } from "./pages";
import { zoneKnown } from "./mess";

export type Purchase = Schema<"StudentPurchase">;
export type Refund = Purchase["refunds"][number];
export type MismatchState = "open" | "accepted" | "refunding" | "refunded";

const page = async (account_id: string, query: { cursor?: string; limit?: number }) =>
  answer(
    api.GET("/api/v1/students/{account_id}/purchases", {
      params: { path: { account_id }, query },
    }),
  );

/** A student's purchases, newest first. */
export const purchasesOf = (account_id: string) =>
  filled<Purchase>(async (query) => {
    await zoneKnown();
    return page(account_id, query);
  });

/** One purchase of a student. */
export async function purchaseOf(account_id: string, order_id: string): Promise<Purchase | null> {
  const all = await allOf<Purchase>((query) => page(account_id, query));
  return all.find((each) => each.order_id === order_id) ?? null;
}

/**
 * The student who has made a purchase, by its number alone. The audit trail says it, which comes
 * a moment after the purchase and is kept for a year.
 */
export async function buyerOf(order_id: string): Promise<string | null> {
  const { items } = await patiently(() =>
    answer(api.GET("/api/v1/audit", { params: { query: { entity: order_id, limit: 10 } } })),
  );
  for (const { kind, after } of items) {
    const account_id = (after as { account_id?: unknown } | null)?.account_id;
    if (kind === "purchase" && typeof account_id === "string") return account_id;
  }
  return null;
}

/** Whether a refund of its tokens can be asked for. */
export const isRefundable = ({ status, unused, refunds }: Purchase): boolean =>
  (status === "captured" || status === "partially_refunded") &&
  unused > 0 &&
  !refunds.some((refund) => refund.status === "pending");

/** What became of a payment that did not fit. */
export function mismatchIn(purchase: Purchase, payment_id: string): MismatchState {
  const found = purchase.mismatches?.find((each) => each.payment_id === payment_id);
  if (!found) return "accepted";
  if (found.status !== "refunded") return found.status;
  const refund = purchase.refunds.find((each) => each.payment_id === payment_id);
  return refund?.status === "pending" ? "refunding" : "refunded";
}
