// How an order is shown: its state in a word, and its lines.
import type { Schema } from "../../api";
import { m } from "../../app/language";
import { Badge } from "../../ui";

type Order = Schema<"Order">;

const KINDS = {
  Pending: "info",
  Processed: "good",
  Failed: "bad",
  Cancelled: "warn",
  Collected: "info",
} as const;

export const OrderState = ({ order }: { order: Order }) => (
  <Badge kind={KINDS[order.status]}>{m.student[`order_${order.status}`]()}</Badge>
);

export const isOpen = (order: Order): boolean =>
  order.status === "Pending" || order.status === "Processed";

export const whatOf = (order: Order): string =>
  order.items
    .map((line) => m.student.order_line({ portions: line.quantity, item: line.name }))
    .join(", ");

/** What the staff are told: the last letters of the id, which differ between orders of a day. */
export const numberOf = (order: Order): string => order.order_id.slice(-4).toUpperCase();
