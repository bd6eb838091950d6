// Students for the stories, made through the API, and what they and the owner do behind the
// browser's back.
import { codeMailedTo, person, stack, stranger, type Person } from "./stack.js";

export interface Student extends Person {
  name: string;
  token: string;
}

export async function call<T>(
  method: string,
  path: string,
  token?: string,
  body?: unknown,
  base = stack.url,
): Promise<T> {
  const headers: Record<string, string> = {};
  if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const response = await fetch(base + path, {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok)
    throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (text === "" ? null : JSON.parse(text)) as T;
}

export async function tokenOf(who: Person): Promise<string> {
  const { email, password } = who;
  const login = await call<{ access_token: string }>(
    "POST",
    "/login",
    undefined,
    {
      email,
      password,
    },
  );
  return login.access_token;
}

export const ownerToken = (): Promise<string> => tokenOf(person("owner"));

/** A student whom no other story knows. */
export async function newStudent(name = "Meera Iyer"): Promise<Student> {
  const who = stranger();
  const asked = { ...who, name };
  const { registration_id } = await call<{ registration_id: string }>(
    "POST",
    "/sign-up",
    undefined,
    asked,
  );
  const otp = await codeMailedTo(who.email);
  await call("POST", "/sign-up/otp-verify", undefined, {
    registration_id,
    otp,
  });
  return { ...who, name, token: await tokenOf(who) };
}

/** Pays an order at the partner, as the checkout does; the partner tells the app by webhook. */
export async function payAtPartner(
  order_id: string,
): Promise<Record<string, string>> {
  const how = { outcome: "captured", webhook: true };
  const path = `/razorpay/sandbox/orders/${order_id}/pay`;
  return await call("POST", path, undefined, how, stack.sandbox);
}

/** Buys tokens through the API. */
export async function buyTokens(
  student: Student,
  token_count: number,
): Promise<void> {
  const order = await call<{ order_id: string }>(
    "POST",
    "/create-order",
    student.token,
    {
      token_count,
    },
  );
  const paid = await payAtPartner(order.order_id);
  await call("POST", "/verify-payment", student.token, paid);
}

export async function tokensLeft(student: Student): Promise<number> {
  return (
    await call<{ count: number }>("GET", "/student/tokens", student.token)
  ).count;
}

/** Days from today on, by the clock of the demo mess. */
export function dayAhead(days: number): string {
  const now = Date.now() + days * 86_400_000;
  return new Intl.DateTimeFormat("en-CA", { timeZone: "Asia/Kolkata" }).format(
    now,
  );
}

interface Cut {
  from: string;
  to: string;
  meals: string[];
}

export async function cutsOf(student: Student): Promise<string[]> {
  const { items } = await call<{ items: Cut[] }>(
    "GET",
    "/api/v1/mess-cuts",
    student.token,
  );
  return items
    .map(({ from, to, meals }) => `${from} ${to} ${meals.join()}`)
    .sort();
}
