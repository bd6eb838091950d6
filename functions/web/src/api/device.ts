// The staff token of a device at the counter. It is a secret of the device, not of a person, and
// stays until somebody removes it or the owner revokes it.
import { computed, signal } from "@preact/signals";

const KEY = "thali.device";
const stored = signal<string | null>(localStorage.getItem(KEY));

export const deviceToken = computed(() => stored.value);

export function deviceTokenSet(token: string | null): void {
  if (token === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, token);
  stored.value = token;
}
