// A mess of a story's own, made with the operator's command, whose owner approves each student.
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { tokenOf, unique } from "./api.js";
import { root, stack, stranger } from "./stack.js";

const program =
  process.env["THALI_OPERATOR"] ?? path.join(root, "target/debug/thali");

const TRIES_MAX = 3;

/** Runs the operator's command, which may be repeated: each has `--if-missing`. */
async function operator(given: string[], password = ""): Promise<void> {
  const env = { ...process.env, ...stack.operator, THALI_PASSWORD: password };
  for (let tries = 1; ; tries += 1) {
    try {
      await promisify(execFile)(program, [...given, "--if-missing"], { env });
      return;
    } catch (error) {
      // The local AWS answers late now and then.
      if (tries === TRIES_MAX || !String(error).includes("timed out"))
        throw error;
    }
  }
}

export interface OwnMess {
  mess_id: string;
  /** Of its owner. */
  token: string;
}

export async function messWithApproval(): Promise<OwnMess> {
  // The form of an id, with any letters: nobody sorts it by time.
  const letters = unique()
    .toUpperCase()
    .replace(/[ILOU]/g, "0");
  const mess_id = `mess_${letters.padStart(26, "0").slice(-26)}`;
  const mess = ["mess", "create", "--id", mess_id, "--name", "Own Hostel"];
  await operator(mess);
  const { email, password } = stranger();
  const owner = ["owner", "create", "--mess", mess_id, "--email", email];
  await operator(owner, password);
  return { mess_id, token: await tokenOf({ email, password, mess_id }) };
}
