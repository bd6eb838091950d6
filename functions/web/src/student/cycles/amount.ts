// Rupees as people type them.

/** Paise, or null if it is no amount: `3500`, `3,500.50`, `₹ 3500`. */
export function paiseOf(typed: string): number | null {
  const plain = typed.replace(/[₹,\s]/g, "");
  const found = /^(\d{1,6})(?:\.(\d{1,2}))?$/.exec(plain);
  if (!found) return null;
  const paise = Number(found[1]) * 100 + Number((found[2] ?? "").padEnd(2, "0"));
  return paise > 0 && paise <= 100_000 * 100 ? paise : null;
}
