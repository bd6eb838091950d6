// Ids of items of the menu. Owners type names, and the app makes the ids.

/** An id for a new item, from its name: letters, digits and dashes, not one that is taken. */
export function skuFor(name: string, taken: readonly string[]): string {
  const plain = name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 32);
  const base = plain || "item";
  for (let number = 1; ; number += 1) {
    const sku = number === 1 ? base : `${base}-${number}`;
    if (!taken.includes(sku)) return sku;
  }
}
