// Forgets what a student's pages have kept on this device, at a logout on whatever page.
import { database, NAME } from "./database";

export async function forget(): Promise<void> {
  // Most devices are no student's.
  const known = await indexedDB.databases?.();
  if (known && !known.some(({ name }) => name === NAME)) return;
  const db = await database();
  await db.clear("kept");
  db.close();
}
