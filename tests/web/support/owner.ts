// What the owner's stories need beforehand, made through the API: students who wait, and payments
// of days with a picture.
import { asOwner, call, unique } from "./api.js";
import { newStudent, orderTokens, payAtPartner } from "./people.js";

export { asOwner, unique } from "./api.js";

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
  const { token } = await newStudent(name);
  const wanted = { content_type: "image/png", content_length: PICTURE.length };
  const { upload, screenshot_key } = await call<{
    upload: { url: string; headers: Record<string, string> };
    screenshot_key: string;
  }>("POST", "/api/v1/payments/upload-url", token, wanted);
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
  await call("POST", "/api/v1/payments/upload", token, claim);
}

/** The order of tokens that a new student has paid, with another amount if one is given. */
export async function boughtTokens(
  name: string,
  token_count: number,
  amount_paise?: number,
): Promise<string> {
  const student = await newStudent(name);
  const order = await orderTokens(student, token_count);
  const paid = await payAtPartner(
    order,
    amount_paise === undefined ? {} : { amount_paise },
  );
  const verified = call("POST", "/verify-payment", student.token, paid);
  if (amount_paise === undefined) await verified;
  else
    await verified.then(
      () => Promise.reject(new Error("the amount was not refused")),
      (refused: Error) => {
        if (!refused.message.includes("amount_mismatch")) throw refused;
      },
    );
  return order;
}
