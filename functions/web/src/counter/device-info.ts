// What this device says of itself with each scan: two phones that share a token or a login are two
// devices. It is no secret, and stays the same.

const KEY = "thali.counter.name";
const KINDS = ["Android", "iPhone", "iPad", "Windows", "Mac", "Linux"] as const;

export function deviceInfo(): string {
  const kept = localStorage.getItem(KEY);
  if (kept) return kept;
  const kind = KINDS.find((each) => navigator.userAgent.includes(each)) ?? "Web";
  const made = `${kind} ${crypto.randomUUID().slice(0, 4).toUpperCase()}`;
  localStorage.setItem(KEY, made);
  return made;
}
