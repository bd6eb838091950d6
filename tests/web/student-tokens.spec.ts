// Students buy tokens in the partner's checkout, and redeem them at the counter.
import { expect, test, type Page } from "@playwright/test";
import {
  checkAccessibility,
  logInQuickly,
  loseAnswer,
  watchErrors,
} from "./support/browser.js";
import { buyTokens, newStudent, payAtPartner } from "./support/people.js";
import { tokensLeft } from "./support/student.js";

const checkout = (page: Page) =>
  page.frameLocator('iframe[title="Razorpay sandbox"]');

async function choose(page: Page, tokens: string): Promise<string> {
  await page.goto("/app/student/buy");
  await page.getByRole("radio", { name: tokens, exact: true }).check();
  const created = page.waitForResponse("**/create-order");
  await page.getByRole("button", { name: "Pay", exact: true }).click();
  const order = (await (await created).json()) as { order_id: string };
  await expect(
    checkout(page).getByRole("button", { name: "Pay" }),
  ).toBeVisible();
  return order.order_id;
}

test("a student buys tokens, also after closing the payment half-way", async ({
  page,
}) => {
  const errors = watchErrors(page);
  const student = await newStudent();
  await logInQuickly(page, student);
  await choose(page, "20");
  await checkout(page).getByRole("button", { name: "Close" }).click();
  await expect(
    page.getByRole("heading", { name: "Not paid yet" }),
  ).toBeVisible();
  await checkAccessibility(page);
  await page.reload();
  await page.getByRole("button", { name: "Pay now" }).click();
  await checkout(page).getByRole("button", { name: "Pay" }).click();
  await expect(page.getByText("20 tokens are yours")).toBeVisible();
  await expect(page.getByText("You now have 20 tokens.")).toBeVisible();
  await checkAccessibility(page);
  expect(await tokensLeft(student)).toBe(20);
  expect(errors).toEqual([]);
});

test("a payment made after the window was closed is found by itself", async ({
  page,
}) => {
  const student = await newStudent();
  await logInQuickly(page, student);
  const order = await choose(page, "5");
  await checkout(page).getByRole("button", { name: "Close" }).click();
  await expect(
    page.getByRole("heading", { name: "Not paid yet" }),
  ).toBeVisible();
  await payAtPartner(order);
  await expect(page.getByText("5 tokens are yours")).toBeVisible({
    timeout: 40_000,
  });
});

test("a network that breaks after the payment loses nothing", async ({
  page,
}) => {
  const student = await newStudent();
  await logInQuickly(page, student);
  await choose(page, "10");
  await page.route(/\/(?:verify-payment|payment-history)/, (route) =>
    route.abort(),
  );
  await checkout(page).getByRole("button", { name: "Pay" }).click();
  await expect(
    page.getByRole("heading", { name: "Paid, waiting for the bank" }),
  ).toBeVisible();
  await expect(page.getByRole("alert")).toBeVisible({ timeout: 30_000 });
  await page.unroute(/\/(?:verify-payment|payment-history)/);
  await page.reload();
  await expect(page.getByText("10 tokens are yours")).toBeVisible();
  expect(await tokensLeft(student)).toBe(10);
});

test("a payment that fails can be tried again", async ({ page }) => {
  await logInQuickly(page, await newStudent());
  await choose(page, "5");
  await checkout(page).getByRole("button", { name: "Fail" }).click();
  await checkout(page).getByRole("link", { name: "Try again" }).click();
  await checkout(page).getByRole("button", { name: "Pay" }).click();
  await expect(page.getByText("5 tokens are yours")).toBeVisible();
});

test("a student redeems tokens and shows the moving moment to the staff", async ({
  page,
}) => {
  const errors = watchErrors(page);
  const student = await newStudent();
  await buyTokens(student, 5);
  await logInQuickly(page, student);
  await page.goto("/app/student/tokens/redeem");
  const more = page.getByRole("button", { name: "One more" });
  await more.click();
  await more.click();
  await page.getByLabel("Your password").fill("not the password");
  await page.getByRole("button", { name: "Redeem 3 tokens" }).click();
  await expect(page.getByRole("alert")).toContainText(
    "That security code is wrong.",
  );
  await expect(page.getByLabel("How many?")).toHaveValue("3");
  await page.getByLabel("Your password").fill(student.password);
  await page.getByRole("button", { name: "Redeem 3 tokens" }).click();
  await expect(page.getByText("tokens redeemed")).toBeVisible();
  await expect(page.getByText(/^at \d{1,2}:\d{2}:\d{2}/)).toBeVisible();
  await checkAccessibility(page);
  // A screenshot would stand still.
  const clock = page.locator(".student-proof-clock");
  const first = await clock.textContent();
  await expect(clock).not.toHaveText(first ?? "");
  const moving = await page
    .locator(".student-proof-band span")
    .evaluate((band) =>
      band
        .getAnimations()
        .some((animation) => animation.playState === "running"),
    );
  expect(moving).toBe(true);
  await page.reload();
  await expect(page.getByText("tokens redeemed")).toBeVisible();
  expect(await tokensLeft(student)).toBe(2);
  expect(errors).toEqual([]);
});

test("a redemption whose answer is lost is repeated, and redeems once", async ({
  page,
}) => {
  const student = await newStudent();
  await buyTokens(student, 5);
  await logInQuickly(page, student);
  await page.goto("/app/student/tokens/redeem");
  await loseAnswer(page, "**/student/token-submission");
  await page.getByLabel("Your password").fill(student.password);
  await page.getByRole("button", { name: "Redeem 1 token" }).click();
  await expect(page.getByText("token redeemed")).toBeVisible();
  expect(await tokensLeft(student)).toBe(4);
});

test("the histories say what became of tokens and payments", async ({
  page,
}) => {
  const student = await newStudent();
  await buyTokens(student, 6);
  await logInQuickly(page, student);
  await page.goto("/app/student/tokens/redeemed");
  await expect(
    page.getByText("You have redeemed no tokens yet."),
  ).toBeVisible();
  await page.getByRole("link", { name: "Redeem", exact: true }).first().click();
  await page.getByLabel("Your password").fill(student.password);
  await page.getByRole("button", { name: "Redeem 1 token" }).click();
  await expect(page.getByText("token redeemed")).toBeVisible();
  await page.goto("/app/student/tokens");
  await expect(page.getByRole("list", { name: "All tokens" })).toContainText(
    "5 tokens",
  );
  await expect(page.getByRole("list", { name: "All tokens" })).toContainText(
    "Redeemed",
  );
  await page.getByRole("link", { name: "Purchases" }).click();
  await expect(page.getByRole("list", { name: "Purchases" })).toContainText(
    "6 tokens for ₹",
  );
});
