// A sign-up or a new password that waits for the code from the mail. It is kept for the tab, so
// that a person who looks at the mail and comes back finds the page as it was.

export interface Pending {
  email: string;
  /** Of a sign-up. */
  registrationId?: string;
  /** When the last code was sent, in milliseconds. */
  sentAt: number;
}

export function pending(kind: "sign-up" | "forgotten"): Pending | null {
  const kept = sessionStorage.getItem(`pending:${kind}`);
  return kept === null ? null : (JSON.parse(kept) as Pending);
}

export function pendingSet(kind: "sign-up" | "forgotten", value: Pending | null): void {
  if (value) sessionStorage.setItem(`pending:${kind}`, JSON.stringify(value));
  else sessionStorage.removeItem(`pending:${kind}`);
}
