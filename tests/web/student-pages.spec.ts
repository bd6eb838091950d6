// The student's pages with data on them: screenshots in every language and theme, axe, and nothing
// wider than the smallest telephone. pages.spec.ts looks at the same pages of the demo student.
import { expect, test } from "@playwright/test";
import {
  checkAccessibility,
  checkWidth,
  logInQuickly,
  settled,
} from "./support/browser.js";
import { stack } from "./support/stack.js";
import {
  buyTokens,
  call,
  dayAhead,
  newStudent,
  ownerToken,
  type Student,
} from "./support/student.js";

interface Filled {
  student: Student;
  order: string;
  payment: string;
}

/** A student with a long name and something in every list. */
async function filled(): Promise<Filled> {
  const student = await newStudent(
    "Lakshmi Narayanan Venkatasubramanian-Krishnamurthy",
  );
  const { token } = student;
  await buyTokens(student, 12);
  await buyTokens(student, 3);
  await call("POST", "/create-order", token, { token_count: 20 });
  await call("POST", "/student/token-submission", token, {
    count: 2,
    security_code: student.password,
  });
  const menu = await call<{ items: { sku: string }[] }>(
    "GET",
    "/api/items?limit=3",
    token,
  );
  const items = menu.items.map(({ sku }) => ({ sku, quantity: 1 }));
  const order = await call<{ order_id: string }>("POST", "/api/orders", token, {
    items,
  });
  const owner = await ownerToken();
  const payments: string[] = [];
  for (const from of [-10, 20, 50]) {
    const claim = {
      cycle_start: dayAhead(from),
      cycle_end: dayAhead(from + 29),
      amount_paise: 350_000,
      screenshot_url: "https://example.org/payment.png",
    };
    const paid = await call<{ payment_id: string }>(
      "POST",
      "/api/v1/payments/upload",
      token,
      claim,
    );
    payments.push(paid.payment_id);
  }
  const [payment = "", , wrong = ""] = payments;
  await call("POST", `/api/v1/payments/${payment}/verify`, owner, {});
  const reason =
    "The picture shows another amount than the one that you typed.";
  await call("POST", `/api/v1/payments/${wrong}/reject`, owner, { reason });
  await call("POST", "/api/v1/mess-cuts", token, {
    from: dayAhead(3),
    to: dayAhead(6),
  });
  const dinner = { from: dayAhead(9), to: dayAhead(9), meals: ["DINNER"] };
  await call("POST", "/api/v1/mess-cuts", token, dinner);
  return { student, order: order.order_id, payment };
}

test("the student's pages with something on them", async ({ page }, {
  project,
}) => {
  test.setTimeout(400_000);
  const { student, order, payment } = await filled();
  await logInQuickly(page, student);
  const paths = [
    "",
    "/tokens",
    "/tokens/redeemed",
    "/tokens/payments",
    "/tokens/redeem",
    "/buy",
    "/menu",
    "/menu/orders",
    `/menu/orders/${order}`,
    "/leave",
    "/cycles",
    "/cycles/pay",
    `/cycles/${payment}`,
    "/me",
    "/me/edit",
    "/me/pin",
    "/me/code",
  ];
  const size = page.viewportSize() ?? { width: 360, height: 740 };
  for (const language of ["en", "hi"]) {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await page.evaluate(
        (tag) => localStorage.setItem("thali.language", tag),
        language,
      );
      for (const path of paths) {
        await test.step(`${language} ${colorScheme} ${path}`, async () => {
          await page.setViewportSize(size);
          await page.goto(`/app/student${path}`);
          await settled(page);
          await checkAccessibility(page);
          const name = `student${path}`
            .replace(order, "one")
            .replace(payment, "one")
            .replaceAll("/", "-");
          await page.screenshot({
            path: `${stack.screenshots}/${name}.filled.${project.name}.${colorScheme}.${language}.png`,
            fullPage: true,
          });
          await page.setViewportSize({ width: 320, height: 568 });
          await checkWidth(page);
        });
      }
    }
  }
  expect(page.url()).toContain("/me/code");
});
