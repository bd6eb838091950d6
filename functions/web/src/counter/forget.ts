// Forgets the students on this device, when nobody may know them here any more.
import { deviceToken } from "../api/device";
import { forgetPeople } from "./queue";
import { rosterForget } from "./roster";
import { wasAtCounter } from "./shared";

/** After a logout. A device with a token of its own goes on. */
export async function forget(): Promise<void> {
  if (deviceToken.value !== null || !(await wasAtCounter())) return;
  await rosterForget();
  await forgetPeople();
}
