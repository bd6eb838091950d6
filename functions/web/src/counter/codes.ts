// The text of a student's code, as a camera, a hardware scanner or a paste gives it.

/** What surrounds a code and is no part of it: white space, control and invisible characters. */
const AROUND =
  "[\\s\\p{Cc}\\u00ad\\u034f\\u061c\\u115f\\u1160\\u180b-\\u180f\\u200b-\\u200f\\u202a-\\u202e" +
  "\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff9-\\ufffb\\u{e0000}-\\u{e0fff}]+";
const LEADING = new RegExp(`^${AROUND}`, "u");
const TRAILING = new RegExp(`${AROUND}$`, "u");

const HASH_BYTES = 16;
/** A longer text is no code. So much of it is sent that the server says the same. */
const SENT_CHARS_MAX = 1_100;

export const trimmed = (text: string): string =>
  text.replace(LEADING, "").replace(TRAILING, "").slice(0, SENT_CHARS_MAX);

/** Whether a text has the form of a code. Whether it is genuine, only the server can say. */
export const isCode = (text: string): boolean => /^v1(?:\|[^|\s]+){4}$/.test(text);

/** The token of a device at the counter. */
export const isDeviceToken = (text: string): boolean => /^stf_\w{20,}$/.test(text);

/** The mess to which a device's token belongs; empty if its form is another. */
export function messOfToken(token: string): string {
  const parts = token.split("_");
  return parts.length >= 4 ? `mess_${parts.slice(2, -1).join("_")}` : "";
}

/** How the roster names a code: 16 bytes of its SHA-256, in base64url. */
export async function codeHash(code: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(code));
  const bytes = new Uint8Array(digest).slice(0, HASH_BYTES);
  const base64 = btoa(String.fromCharCode(...bytes));
  return base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
