// What the owner's stories need beforehand, made through the API: students who wait, and payments
// of days with a picture.
import { codeMailedTo, person, stack, stranger } from "./stack.js";

let token: Promise<string> | null = null;

async function call<T>(
  method: string,
  path: string,
  body: unknown,
  bearer?: string,
): Promise<T> {
  const response = await fetch(`${stack.url}${path}`, {
    method,
    headers: {
      "content-type": "application/json",
      ...(bearer && { authorization: `Bearer ${bearer}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${text}`);
  return (text ? JSON.parse(text) : undefined) as T;
}

async function logIn(email: string, password: string): Promise<string> {
  const { access_token } = await call<{ access_token: string }>(
    "POST",
    "/login",
    { email, password },
  );
  return access_token;
}

/** A request as the owner. */
export async function asOwner<T>(
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const { email, password } = person("owner");
  token ??= logIn(email, password);
  try {
    return await call<T>(method, path, body, await token);
  } catch (error) {
    // An account has twenty sessions, and the other stories log in as the owner, too.
    if (!String(error).includes('"unauthenticated"')) throw error;
    token = logIn(email, password);
    return call<T>(method, path, body, await token);
  }
}

let made = 0;

/** A word that nothing else on the stack has. */
export function unique(): string {
  made += 1;
  return `${process.pid.toString(36)}${Date.now().toString(36)}${made}`;
}

export interface Waiting {
  account_id: string;
  name: string;
  roll_no: string;
}

/** A student who waits for approval. */
export async function waitingStudent(name: string): Promise<Waiting> {
  const roll_no = unique().toUpperCase();
  const { student } = await asOwner<{ student: { account_id: string } }>(
    "POST",
    "/api/v1/students/register",
    { name, roll_no, room_no: "B-204", phone: "9876543210" },
  );
  return { account_id: student.account_id, name, roll_no };
}

/** An active student who has just signed up, and their access token. */
async function activeStudent(name: string): Promise<string> {
  const { email, password } = stranger();
  await call("POST", "/sign-up", { name, email, password });
  const otp = await codeMailedTo(email);
  await call("POST", "/sign-up/otp-verify", { email, otp });
  return logIn(email, password);
}

// A grey picture of one pixel.
const PICTURE = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==",
  "base64",
);

/** A payment of thirty days that waits for a decision; `name` is the new student's. */
export async function waitingPayment(
  name: string,
  amount_paise: number,
): Promise<void> {
  const student = await activeStudent(name);
  const wanted = { content_type: "image/png", content_length: PICTURE.length };
  const { upload, screenshot_key } = await call<{
    upload: { url: string; headers: Record<string, string> };
    screenshot_key: string;
  }>("POST", "/api/v1/payments/upload-url", wanted, student);
  const put = await fetch(upload.url, {
    method: "PUT",
    headers: upload.headers,
    body: PICTURE,
  });
  if (!put.ok) throw new Error(`the upload was refused: ${put.status}`);
  const day = (after: number): string =>
    new Date(Date.now() + after * 86_400_000).toISOString().slice(0, 10);
  const claim = {
    cycle_start: day(2),
    cycle_end: day(31),
    amount_paise,
    screenshot_key,
  };
  await call("POST", "/api/v1/payments/upload", claim, student);
}

/** The order of tokens that a new student has paid, with another amount if one is given. */
export async function boughtTokens(
  name: string,
  token_count: number,
  amount_paise?: number,
): Promise<string> {
  const student = await activeStudent(name);
  const { order_id } = await call<{ order_id: string }>(
    "POST",
    "/create-order",
    { token_count },
    student,
  );
  const paid = await fetch(
    `${stack.sandbox}/razorpay/sandbox/orders/${order_id}/pay`,
    {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        outcome: "captured",
        ...(amount_paise && { amount_paise }),
      }),
    },
  );
  const verified = call("POST", "/verify-payment", await paid.json(), student);
  if (amount_paise === undefined) await verified;
  else
    await verified.then(
      () => Promise.reject(new Error("the amount was not refused")),
      (refused: Error) => {
        if (!refused.message.includes("amount_mismatch")) throw refused;
      },
    );
  return order_id;
}
