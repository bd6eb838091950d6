// Idempotency keys. A POST that creates something carries one, so that a repeat after a lost
// answer, a reload or a second tap finds the first outcome.
//
//   const once = onceFor("order", body);
//   const order = await answer(api.POST("/api/orders", { body, ...once.sent }));
//   once.done();

interface Kept {
  body: string;
  key: string;
}

/**
 * The key for what is asked, the same until `done`. Leave secrets such as PINs out of it. Another body for the same purpose gets another
 * key, because the API refuses a key that comes with another body.
 */
export function onceFor(
  purpose: string,
  body: unknown,
): { sent: { params: { header: { "Idempotency-Key": string } } }; done: () => void } {
  const place = `once:${purpose}`;
  const text = JSON.stringify(body);
  const kept = JSON.parse(sessionStorage.getItem(place) ?? "null") as Kept | null;
  const hash = digest(text);
  const key = kept?.body === hash ? kept.key : crypto.randomUUID();
  sessionStorage.setItem(place, JSON.stringify({ body: hash, key } satisfies Kept));
  return {
    sent: { params: { header: { "Idempotency-Key": key } } },
    done: () => sessionStorage.removeItem(place),
  };
}

/** A short hash (FNV-1a), so that the body itself, which may be secret, is not stored. */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return `${(hash >>> 0).toString(16)}-${text.length}`;
}
