// Forgets the students on this device, when nobody may know them here any more.
import { deviceToken } from "../api/device";
import { DATABASE } from "./database";
import { forgetPeople } from "./queue";
import { rosterForget } from "./roster";

/** After a logout. A device with a token of its own goes on. */
export async function forget(): Promise<void> {
  if (deviceToken.value !== null) return;
  // Most devices are never at a counter.
  const known = await indexedDB.databases?.();
  if (known && !known.some(({ name }) => name === DATABASE)) return;
  await rosterForget();
  await forgetPeople();
}
