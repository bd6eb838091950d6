// Students whom no other story knows, made through the API, and what they pay.
import { call, logInByApi } from "./api.js";
import { codeMailedTo, stack, stranger, type Person } from "./stack.js";

export interface Student extends Person {
  name: string;
  accountId: string;
  token: string;
}

/** A student who has just signed up; `more` is what else they typed. */
export async function newStudent(
  name = "Meera Iyer",
  more: Record<string, string> = {},
): Promise<Student> {
  const who = stranger();
  const { registration_id } = await call<{ registration_id: string }>(
    "POST",
    "/sign-up",
    undefined,
    { ...who, name, ...more },
  );
  const otp = await codeMailedTo(who.email);
  const verified = { registration_id, otp };
  await call("POST", "/sign-up/otp-verify", undefined, verified);
  const student = { ...who, name, ...more };
  const { access_token: token, account } = await logInByApi(student);
  return { ...student, accountId: account.account_id, token };
}

/** An order of tokens that is not paid yet. */
export async function orderTokens(
  { token }: Student,
  token_count: number,
): Promise<string> {
  const order = { token_count };
  const made = await call<{ order_id: string }>(
    "POST",
    "/create-order",
    token,
    order,
  );
  return made.order_id;
}

/** Pays an order at the partner, as the checkout does; the partner tells the app by webhook. */
export async function payAtPartner(
  order_id: string,
  how: { amount_paise?: number; webhook?: boolean } = { webhook: true },
): Promise<Record<string, string>> {
  const path = `/razorpay/sandbox/orders/${order_id}/pay`;
  const paid = { outcome: "captured", ...how };
  return await call("POST", path, undefined, paid, stack.sandbox);
}

/** Buys tokens through the API, and gives the order's id. */
export async function buyTokens(
  student: Student,
  token_count: number,
): Promise<string> {
  const order = await orderTokens(student, token_count);
  const paid = await payAtPartner(order);
  await call("POST", "/verify-payment", student.token, paid);
  return order;
}
