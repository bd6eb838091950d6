// What a profile's form changes: an absent field stays, `null` removes it.

export function changes<V extends Record<string, string>>(
  before: V,
  after: V,
): Partial<Record<keyof V, string | null>> {
  const changed = Object.entries(after).filter(([name, value]) => value.trim() !== before[name]);
  return Object.fromEntries(
    changed.map(([name, value]) => [name, value.trim() === "" ? null : value.trim()]),
  ) as Partial<Record<keyof V, string | null>>;
}
