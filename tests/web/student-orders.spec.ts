// Students order from the menu.
import { expect, test } from "@playwright/test";
import { asOwner, call } from "./support/api.js";
import {
  checkAccessibility,
  logInQuickly,
  loseAnswer,
  watchErrors,
} from "./support/browser.js";
import { buyTokens, newStudent } from "./support/people.js";
import { tokensLeft } from "./support/student.js";

interface NewItem {
  sku: string;
  name: string;
  set: (stock: number) => Promise<void>;
}

/** An item of the menu that no other story orders. Later runs use it again. */
async function newItem(stock: number): Promise<NewItem> {
  const { title, project } = test.info();
  const sku =
    `story-${title.replace(/\W+/g, "-").slice(0, 24)}-${project.name}`.toLowerCase();
  const name = `Snack of ${project.name}: ${title.slice(0, 24).trim()}`;
  const set = async (left: number): Promise<void> => {
    const item = { name, price_tokens: 1, stock: left, available: left > 0 };
    await asOwner("PUT", `/api/items/${sku}`, item);
  };
  await set(stock);
  return { sku, name, set };
}

test("a student orders and sees the order become ready without reloading", async ({
  page,
}) => {
  const errors = watchErrors(page);
  const student = await newStudent();
  await buyTokens(student, 5);
  const item = await newItem(3);
  await logInQuickly(page, student);
  await page.goto("/app/student/menu");
  const more = page.getByRole("button", {
    name: `One portion of ${item.name} more`,
  });
  await more.click();
  await more.click();
  await more.click();
  await expect(more).toBeDisabled();
  await page
    .getByRole("button", { name: `One portion of ${item.name} fewer` })
    .click();
  await page.reload();
  await page.getByRole("button", { name: "Order", exact: true }).click();
  await expect(page.getByRole("dialog")).toContainText(`2 × ${item.name}`);
  await checkAccessibility(page);
  await page.getByRole("button", { name: "Order for 2 tokens" }).click();
  await expect(page.getByText("Collect it at the counter")).toBeVisible({
    timeout: 40_000,
  });
  await checkAccessibility(page);
  expect(await tokensLeft(student)).toBe(3);
  await page.getByRole("link", { name: "Back" }).click();
  await expect(page.getByRole("list", { name: "My orders" })).toContainText(
    "Ready",
  );
  await item.set(0);
  expect(errors).toEqual([]);
});

test("who was slower takes what is left", async ({ page }) => {
  const student = await newStudent();
  await buyTokens(student, 5);
  const item = await newItem(3);
  await logInQuickly(page, student);
  await page.goto("/app/student/menu");
  const more = page.getByRole("button", {
    name: `One portion of ${item.name} more`,
  });
  await more.click();
  await more.click();
  await page.getByRole("button", { name: "Order", exact: true }).click();
  await item.set(1);
  await page.getByRole("button", { name: "Order for 2 tokens" }).click();
  await expect(page.getByRole("alert")).toContainText("Somebody was faster");
  await page.getByRole("button", { name: "Take what is left" }).click();
  await page.getByRole("button", { name: "Order for 1 token" }).click();
  await expect(page.getByText("Collect it at the counter")).toBeVisible({
    timeout: 40_000,
  });
  await item.set(0);
});

test("an order whose answer is lost is placed once", async ({ page }) => {
  const student = await newStudent();
  await buyTokens(student, 3);
  const item = await newItem(3);
  await logInQuickly(page, student);
  await page.goto("/app/student/menu");
  await page
    .getByRole("button", { name: `One portion of ${item.name} more` })
    .click();
  await loseAnswer(page, "**/api/orders");
  await page.getByRole("button", { name: "Order", exact: true }).click();
  await page.getByRole("button", { name: "Order for 1 token" }).click();
  await expect(page.getByText("Collect it at the counter")).toBeVisible({
    timeout: 40_000,
  });
  const orders = await call<{ items: unknown[] }>(
    "GET",
    "/api/orders",
    student.token,
  );
  expect(orders.items).toHaveLength(1);
  await item.set(0);
});

test("an order that is ready already is not cancelled", async ({ page }) => {
  const student = await newStudent();
  await buyTokens(student, 3);
  const item = await newItem(3);
  const order = await call<{ order_id: string }>(
    "POST",
    "/api/orders",
    student.token,
    {
      items: [{ sku: item.sku, quantity: 1 }],
    },
  );
  const path = `/api/orders/${order.order_id}`;
  const status = async () =>
    (await call<{ status: string }>("GET", path, student.token)).status;
  await expect.poll(status, { timeout: 40_000 }).toBe("Processed");
  await logInQuickly(page, student);
  // The page still has what was true a moment ago.
  let stale = true;
  await page.route(`**${path}`, async (route) => {
    const response = await route.fetch();
    const body = (await response.json()) as Record<string, unknown>;
    await route.fulfill({
      response,
      json: stale ? { ...body, status: "Pending" } : body,
    });
  });
  await page.goto(`/app/student/menu/orders/${order.order_id}`);
  const cancel = page.getByRole("button", { name: "Cancel the order" });
  await expect(cancel).toBeVisible();
  stale = false;
  await cancel.click();
  await expect(page.getByText("Collect it at the counter")).toBeVisible();
  expect(await status()).toBe("Processed");
  await item.set(0);
});
