// A purchase under way. It is kept in the tab until its tokens are there or the student gives it
// up, so that a closed window, a reload or a lost network loses nothing.
import { answer, api, type Schema } from "../../api";
import { Problem } from "../../api/problem";
import type { Paid } from "./checkout";

export interface Purchase {
  order: Schema<"TokenOrder">;
  /** What the checkout has handed over; it may come before the bank has confirmed. */
  paid?: Paid;
  /** When the student came back from the checkout, in milliseconds. */
  since: number;
}

const KEY = "student.purchase";

export function purchaseKept(): Purchase | null {
  const kept = sessionStorage.getItem(KEY);
  return kept === null ? null : (JSON.parse(kept) as Purchase);
}

export function purchaseKeep(purchase: Purchase | null): void {
  if (purchase) sessionStorage.setItem(KEY, JSON.stringify(purchase));
  else sessionStorage.removeItem(KEY);
}

export type Outcome =
  | { kind: "waits" }
  | { kind: "bought"; tokens: number; balance: number | null }
  | { kind: "failed" }
  | { kind: "mismatch" };

/** Asks once what has become of a purchase. Throws a problem if nobody answers. */
export async function purchaseAsk(purchase: Purchase): Promise<Outcome> {
  if (purchase.paid) {
    const verified = await verify(purchase.paid);
    if (verified) return verified;
  }
  const query = { limit: 25 };
  const { items } = await answer(api.GET("/payment-history", { params: { query } }));
  const found = items.find((each) => each.order_id === purchase.order.order_id);
  switch (found?.status) {
    case "captured":
    case "partially_refunded":
      return { kind: "bought", tokens: found.token_count, balance: null };
    case "failed":
    case "refunded":
      return { kind: "failed" };
    case "mismatch":
      return { kind: "mismatch" };
    case "created":
    case undefined:
      return { kind: "waits" };
  }
}

async function verify(paid: Paid): Promise<Outcome | null> {
  const body = {
    order_id: paid.razorpay_order_id,
    payment_id: paid.razorpay_payment_id,
    signature: paid.razorpay_signature,
  };
  try {
    const verified = await answer(api.POST("/verify-payment", { body }));
    return { kind: "bought", tokens: verified.tokens_issued, balance: verified.balance };
  } catch (caught) {
    if (!(caught instanceof Problem)) throw caught;
    if (caught.code === "amount_mismatch") return { kind: "mismatch" };
    // The network may break here: the question can be asked again. Whatever else the server
    // says, the history has the last word.
    if (caught.isNetwork) throw caught;
    return null;
  }
}
