// The token history shows tokens that share a purchase and a fate as one line.
import type { Schema } from "../../api";

export type PastToken = Schema<"PastToken">;

export interface TokenGroup {
  key: string;
  /** Any token of the group: they are alike in all that is shown. */
  token: PastToken;
  count: number;
}

const alike = (one: PastToken, other: PastToken): boolean =>
  one.order_id === other.order_id &&
  one.status === other.status &&
  one.submission_id === other.submission_id &&
  one.redeemed_for === other.redeemed_for &&
  one.expires_at === other.expires_at;

/** Tokens that follow each other and are alike, together. */
export function grouped(tokens: readonly PastToken[]): TokenGroup[] {
  const groups: TokenGroup[] = [];
  for (const token of tokens) {
    const last = groups.at(-1);
    if (last && alike(last.token, token)) last.count += 1;
    else groups.push({ key: token.token_id, token, count: 1 });
  }
  return groups;
}
