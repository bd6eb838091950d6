// Names that the counter's pages and the service worker share, and whether there is anything to read.

export const DATABASE = "thali.counter";
/** Whoever holds it sends the scans. */
export const UPLOAD_LOCK = "thali.counter.upload";
/** Asks the browser to wake the service worker when the network is back. */
export const SYNC_TAG = "thali-scans";
/** Told to all pages when the device's token has changed. */
export const TOKEN_NEWS = "thali.device";
/** Told to all pages when the service worker has sent scans. */
export const SCANS_NEWS = "thali.counter.scans";

/** Most devices are never at a counter, and get no database. */
export async function wasAtCounter(): Promise<boolean> {
  const known = await indexedDB.databases?.();
  return known === undefined || known.some(({ name }) => name === DATABASE);
}
