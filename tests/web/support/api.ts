// Calls of the API beside the browser: whose token they carry, and the owner's own.
import { person, stack, type Person } from "./stack.js";

/** How long a call waits in all where the API says that there were too many. */
const PATIENCE_MS = 150_000;

/** Calls the API, or what `base` names. Throws what was refused. */
export async function call<T>(
  method: string,
  path: string,
  token?: string,
  body?: unknown,
  base = stack.url,
): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  let bearer = token;
  for (;;) {
    const headers: Record<string, string> = {};
    if (bearer !== undefined) headers["authorization"] = `Bearer ${bearer}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    const response = await fetch(base + path, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.ok) return (text === "" ? null : JSON.parse(text)) as T;
    const again = response.status === 401 ? await ownerAgain(bearer) : null;
    const waitS = Number(response.headers.get("retry-after") ?? 0) || 1;
    if (again !== null) bearer = again;
    else if (response.status === 429 && Date.now() + waitS * 1000 < deadline)
      await new Promise((done) => setTimeout(done, waitS * 1000));
    else throw new Error(`${method} ${path}: ${response.status} ${text}`);
  }
}

export interface Login {
  access_token: string;
  account: { account_id: string };
}

export const logInByApi = ({
  email,
  password,
  mess_id,
}: Person): Promise<Login> =>
  call("POST", "/login", undefined, { email, password, mess_id });

export const tokenOf = async (who: Person): Promise<string> =>
  (await logInByApi(who)).access_token;

let owner: Promise<string> | null = null;
const ended = new Set<string>();

export const ownerToken = (): Promise<string> =>
  (owner ??= tokenOf(person("owner")));

/**
 * A new token in place of the owner's that the API has just refused: an account has twenty
 * sessions, and other stories log in as the owner, too. Null for a token of anybody else.
 */
async function ownerAgain(refused: string | undefined): Promise<string | null> {
  if (refused === undefined) return null;
  if (!ended.has(refused)) {
    if (owner === null || refused !== (await owner)) return null;
    ended.add(refused);
    owner = null;
  }
  return await ownerToken();
}

/** A request as the owner. */
export const asOwner = async <T>(
  method: string,
  path: string,
  body?: unknown,
): Promise<T> => call<T>(method, path, await ownerToken(), body);

let made = 0;

/** A word that nothing else on the stack has. */
export function unique(): string {
  made += 1;
  return `${process.pid.toString(36)}${Date.now().toString(36)}${made}`;
}
