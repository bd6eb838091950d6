import { expect, it } from "vitest";
import { grouped, type PastToken } from "./groups";

const token = (number: number, more: Partial<PastToken> = {}): PastToken => ({
  token_id: `tok_${number}`,
  order_id: "order_a",
  price_paise: 5000,
  issued_at: "2026-11-01T00:00:00Z",
  expires_at: "2027-01-30T00:00:00Z",
  status: "available",
  ...more,
});

it("tokens are one line while they share purchase and fate", () => {
  const redeemed = { status: "redeemed", submission_id: "sub_1" } as const;
  const tokens = [
    token(1),
    token(2),
    token(3, redeemed),
    token(4),
    token(5, { order_id: "order_b" }),
  ];
  expect(grouped(tokens).map((group) => [group.key, group.count])).toEqual([
    ["tok_1", 2],
    ["tok_3", 1],
    ["tok_4", 1],
    ["tok_5", 1],
  ]);
});
