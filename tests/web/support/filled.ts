// A student with a long name and something in every list.
import { expect } from "@playwright/test";
import { asOwner, call } from "./api.js";
import { buyTokens, newStudent, orderTokens, type Student } from "./people.js";
import { dayAhead } from "./student.js";

export interface Filled {
  student: Student;
  /** Paths of the pages that show one thing. */
  order: string;
  cycle: string;
}

let made: Promise<Filled> | null = null;

/** The same one for all stories of a worker, which only look at it. */
export const filled = (): Promise<Filled> => (made ??= fill());

async function fill(): Promise<Filled> {
  const student = await newStudent(
    "Lakshmi Narayanan Venkatasubramanian-Krishnamurthy",
  );
  const { token } = student;
  await buyTokens(student, 12);
  await buyTokens(student, 3);
  await orderTokens(student, 20);
  await call("POST", "/student/token-submission", token, {
    count: 2,
    security_code: student.password,
  });
  const order = await placed(student);
  const cycle = await paid(student);
  await call("POST", "/api/v1/mess-cuts", token, {
    from: dayAhead(3),
    to: dayAhead(6),
  });
  const dinner = { from: dayAhead(9), to: dayAhead(9), meals: ["DINNER"] };
  await call("POST", "/api/v1/mess-cuts", token, dinner);
  return { student, order, cycle };
}

/** An order that can be collected. */
async function placed({ token }: Student): Promise<string> {
  const menu = await call<{ items: { sku: string }[] }>(
    "GET",
    "/api/items?limit=3",
    token,
  );
  const items = menu.items.map(({ sku }) => ({ sku, quantity: 1 }));
  const order = await call<{ order_id: string }>("POST", "/api/orders", token, {
    items,
  });
  const path = `/api/orders/${order.order_id}`;
  await expect
    .poll(
      async () => (await call<{ status: string }>("GET", path, token)).status,
      { timeout: 40_000 },
    )
    .toBe("Processed");
  return `/app/student/menu/orders/${order.order_id}`;
}

/** Three months: one that counts, one being checked, one turned down. */
async function paid({ token }: Student): Promise<string> {
  const payments: string[] = [];
  for (const from of [-10, 20, 50]) {
    const claim = {
      cycle_start: dayAhead(from),
      cycle_end: dayAhead(from + 29),
      amount_paise: 350_000,
      screenshot_url: "https://example.org/payment.png",
    };
    const payment = await call<{ payment_id: string }>(
      "POST",
      "/api/v1/payments/upload",
      token,
      claim,
    );
    payments.push(payment.payment_id);
  }
  const [counts = "", , wrong = ""] = payments;
  await asOwner("POST", `/api/v1/payments/${counts}/verify`, {});
  const reason =
    "The picture shows another amount than the one that you typed.";
  await asOwner("POST", `/api/v1/payments/${wrong}/reject`, { reason });
  return `/app/student/cycles/${counts}`;
}
