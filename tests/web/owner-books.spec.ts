// The owner looks back: charts, notifications, refunds, the audit trail, files.
import { readFile } from "node:fs/promises";
import { expect, test, type Page } from "@playwright/test";
import {
  checkAccessibility,
  logInQuickly,
  settled,
} from "./support/browser.js";
import {
  asOwner,
  boughtTokens,
  unique,
  waitingStudent,
} from "./support/owner.js";
import { person } from "./support/stack.js";

async function open(page: Page, path: string): Promise<void> {
  await logInQuickly(page, person("owner"));
  await page.goto(path);
  await settled(page);
}

test("each chart has a table of its numbers", async ({ page }) => {
  await boughtTokens(`Buyer ${unique()}`, 2);
  await open(page, "/app/owner");
  const chart = page.getByRole("region", { name: "Expected and let in" });
  await expect(
    chart.getByRole("img", { name: "Students expected and let in, by day" }),
  ).toBeVisible();
  await chart.getByText("Show the numbers").click();
  // Seven days before today, today, and the next two.
  await expect(chart.getByRole("row")).toHaveCount(11);
  await chart.getByRole("radio", { name: "Lunch" }).check();
  await expect(chart.getByRole("row")).toHaveCount(11);
  const sales = page.getByRole("region", { name: /Tokens sold/ });
  await sales.getByText("Show the numbers").click();
  await expect(sales.getByRole("row")).toHaveCount(15);
  await checkAccessibility(page);
});

test("a notification is marked as read", async ({ page }) => {
  const name = `News ${unique()}`;
  await waitingStudent(name);
  await open(page, "/app/owner/more/notifications");
  const row = page.getByRole("listitem").filter({ hasText: name });
  await expect(async () => {
    await page.reload();
    await settled(page);
    await expect(row).toHaveCount(1, { timeout: 2_000 });
  }).toPass();
  await row.getByRole("button", { name: "Mark as read" }).click();
  await expect(row.getByText(/^Read /)).toBeVisible();
});

test("all unread notifications are marked as read at once", async ({
  page,
}) => {
  const name = `All read ${unique()}`;
  await waitingStudent(name);
  // Other stories wait for notifications of their own, so this page sees only its own.
  await page.route("**/owner/notifications?*", async (route) => {
    const response = await route.fetch();
    const { items } = (await response.json()) as { items: object[] };
    const own = items.filter((each) => JSON.stringify(each).includes(name));
    await route.fulfill({ response, json: { items: own } });
  });
  await open(page, "/app/owner/more/notifications");
  const row = page.getByRole("listitem").filter({ hasText: name });
  await expect(async () => {
    await page.reload();
    await settled(page);
    await expect(row).toHaveCount(1, { timeout: 2_000 });
  }).toPass();
  await expect(page.getByText(/\d+ (?:is|are) unread\./)).toBeVisible();
  await page.getByRole("button", { name: "Mark all as read" }).click();
  await expect(page.getByText(/marked as read\./)).toBeVisible();
  await expect(row).toHaveCount(0);
  await page.getByRole("radio", { name: "All" }).check();
  await expect(row.getByText(/^Read /)).toBeVisible();
});

test("a student's purchase is found by name, and some tokens are refunded", async ({
  page,
}) => {
  const name = `Refund ${unique()}`;
  const order = await boughtTokens(name, 5);
  await open(page, "/app/owner/more/refunds");
  await page.getByRole("searchbox").fill(name);
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: `Purchases: ${name}` }).click();
  await expect(page.getByText(`Purchases of ${name}`)).toBeVisible();
  const row = page.getByRole("listitem").filter({ hasText: order });
  await expect(row).toContainText("None redeemed, 5 left");
  await checkAccessibility(page);
  await row.getByRole("button", { name: `Refund: ${order}` }).click();
  const dialog = page.getByRole("dialog", { name: "Refund tokens" });
  await expect(dialog).toContainText("5 of them are left");
  await dialog.getByLabel("How many tokens?").fill("9");
  await dialog.getByRole("button", { name: /Give back/ }).click();
  await expect(dialog.getByText("A whole number from 1 to 5.")).toBeVisible();
  await dialog.getByLabel("How many tokens?").fill("2");
  await checkAccessibility(page);
  await dialog.getByRole("button", { name: "Give back ₹100" }).click();
  await expect(page.getByText("₹100 go back.")).toBeVisible();
  await expect(row).toContainText("3 left");
  await expect(row).toContainText("Partly refunded");
  await expect(async () => {
    await page.reload();
    await settled(page);
    await expect(row).toContainText(/₹100 went back on/, { timeout: 2_000 });
  }).toPass();
});

test("a purchase is found by its number", async ({ page }) => {
  const order = await boughtTokens(`Number ${unique()}`, 2);
  await open(page, "/app/owner/more/refunds");
  await page.getByText("An older purchase, by its number").click();
  await page.getByLabel("Number of the purchase").fill(order);
  await expect(async () => {
    await page.getByRole("button", { name: "Find it" }).click();
    const row = page.getByRole("listitem").filter({ hasText: order });
    await expect(row).toContainText("2 left", { timeout: 2_000 });
  }).toPass();
});

test("a change of a student is shown with before and after", async ({
  page,
}) => {
  const name = `Trail ${unique()}`;
  const { account_id } = await waitingStudent(name);
  await asOwner("POST", `/api/v1/students/${account_id}/approve`, {});
  await open(page, `/app/owner/more/audit?entity=${account_id}`);
  await page.getByLabel("Kind").selectOption("account");
  const changed = page
    .getByRole("listitem")
    .filter({ hasText: "Changed" })
    .filter({ hasText: "Account" });
  await expect(async () => {
    await page.reload();
    await settled(page);
    await page.getByLabel("Kind").selectOption("account");
    await expect(changed.first()).toBeVisible({ timeout: 2_000 });
  }).toPass();
  // Who did it and whose item it is are said by name.
  await expect(changed.first()).toContainText(name);
  await expect(changed.first()).toContainText("by you");
  await changed.first().locator("summary").click();
  const row = changed.first().getByRole("row", { name: /^status/ });
  await expect(row).toContainText("pending_approval");
  await expect(row).toContainText("active");
  await checkAccessibility(page);
});

test("the file of scans has all pages, in their order", async ({ page }) => {
  // The server makes pages of thousands of scans, so three small ones stand in for them.
  const pages = ["\uFEFFdate,meal\r\n1,a\r\n", "2,b\r\n", "3,c\r\n"];
  let asked = 0;
  await page.route("**/api/v1/reports/scans.csv?*", async (route) => {
    const at = Number(
      new URL(route.request().url()).searchParams.get("cursor"),
    );
    asked += 1;
    const next = `</api/v1/reports/scans.csv?from=x&to=y&cursor=${at + 1}>; rel="next"`;
    await route.fulfill({
      body: pages[at] ?? "",
      contentType: "text/csv; charset=utf-8",
      headers: at + 1 < pages.length ? { link: next } : {},
    });
  });
  await open(page, "/app/owner/more/downloads");
  const waiting = page.waitForEvent("download");
  await page.getByRole("button", { name: "Scans", exact: true }).click();
  const path = await (await waiting).path();
  expect(await readFile(path, "utf8")).toBe(pages.join(""));
  expect(asked).toBe(3);
});

test("a page of the file that is refused gives no file", async ({ page }) => {
  await open(page, "/app/owner/more/downloads");
  await page.route("**/api/v1/reports/scans.csv?*", (route) =>
    route.fulfill({
      status: 500,
      contentType: "application/problem+json",
      body: JSON.stringify({
        type: "about:blank",
        title: "Internal",
        status: 500,
        detail: "Broken.",
        code: "internal",
        request_id: "r1",
      }),
    }),
  );
  await page.getByRole("button", { name: "Scans", exact: true }).click();
  await expect(page.getByRole("alert")).toContainText("broke on our side");
  await page.unrouteAll();
  const waiting = page.waitForEvent("download");
  await page.getByRole("button", { name: "Try again" }).click();
  const text = await readFile(await (await waiting).path(), "utf8");
  expect(text.charCodeAt(0)).toBe(0xfeff);
});

test("all students are in the file, however many pages", async ({ page }) => {
  const name = `Listed ${unique()}`;
  await waitingStudent(name);
  await open(page, "/app/owner/more/downloads");
  const waiting = page.waitForEvent("download");
  await page.getByRole("button", { name: "Students", exact: true }).click();
  const text = await readFile(await (await waiting).path(), "utf8");
  expect(text).toContain(name);
});

test("a payment of another amount is taken, and one given back", async ({
  page,
}) => {
  const [taken, back] = [`More ${unique()}`, `Less ${unique()}`];
  await boughtTokens(taken, 3, 15_100);
  await boughtTokens(back, 3, 9_900);
  await open(page, "/app/owner/more/refunds?of=odd");
  const row = (name: string) =>
    page.getByRole("listitem").filter({ hasText: name });
  await expect(async () => {
    await page.reload();
    await settled(page);
    await expect(row(taken)).toHaveCount(1, { timeout: 2_000 });
    await expect(row(back)).toHaveCount(1, { timeout: 2_000 });
  }).toPass();
  await expect(row(taken)).toContainText("Paid ₹151, price ₹150");
  await expect(row(taken)).toContainText("Open");
  await checkAccessibility(page);
  await row(taken).getByRole("button", { name: "Give the tokens" }).click();
  const accept = page.getByRole("dialog");
  await expect(accept).toContainText("₹1 above the price stay with the mess");
  await accept.getByRole("button", { name: "Give the tokens" }).click();
  await expect(page.getByText("3 tokens are given.")).toBeVisible();
  await expect(row(taken)).toContainText("Taken");

  // Less than the price buys nothing, so it can only go back.
  await expect(
    row(back).getByRole("button", { name: "Give the tokens" }),
  ).toHaveCount(0);
  await row(back).getByRole("button", { name: "Give it back" }).click();
  await page
    .getByRole("dialog")
    .getByRole("button", { name: "Give it back" })
    .click();
  await expect(page.getByText("₹99 go back.")).toBeVisible();
  await expect(row(back)).toContainText("On its way back");
});
