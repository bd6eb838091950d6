// The app is several documents, because a browser takes the Content-Security-Policy from the
// document that it loaded. The page that pays may load the payment partner's script, the counter
// may compile WebAssembly, and all others may do neither. `functions/src/ops/web` has the same
// table. A link from one document to another is a full navigation.

const DOCUMENTS = {
  pay: /^\/app\/student\/buy(?:[/?#]|$)/,
  counter: /^\/app\/counter(?:[/?#]|$)/,
};

export type DocumentName = keyof typeof DOCUMENTS | "main";

export function documentOf(path: string): DocumentName {
  if (DOCUMENTS.pay.test(path)) return "pay";
  return DOCUMENTS.counter.test(path) ? "counter" : "main";
}

const here = documentOf(location.pathname);

/** Which links the router follows without loading a document. */
export const scope = {
  test: (href: string): boolean =>
    /^\/(?:app(?:[/?#]|$)|$)/.test(href) && documentOf(href) === here,
} as unknown as RegExp;

/** Whether the app can show this path without loading another document. */
export const isHere = (path: string): boolean => documentOf(path) === here;
