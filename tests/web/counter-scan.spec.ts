// The counter with a network: registering a device, codes from a hardware scanner, undoing, asking,
// overriding.
import { expect, test } from "@playwright/test";
import {
  checkAccessibility,
  logInQuickly,
  watchErrors,
} from "./support/browser.js";
import {
  call,
  deviceToken,
  eater,
  keptHere,
  mealNow,
  openCounter,
  ownerToken,
  scanByWedge,
  scanElsewhere,
  verdict,
} from "./support/counter.js";
import { person, stack } from "./support/stack.js";

test.setTimeout(240_000);

test("a device is registered with its token until the owner revokes it", async ({
  page,
}) => {
  const errors = watchErrors(page);
  const device = await deviceToken("Story gate");
  await page.goto("/app/login");
  await page
    .getByRole("link", { name: "Use this device at the counter" })
    .click();
  const field = page.getByLabel("Device token");
  await field.fill("hello");
  await page.getByRole("button", { name: "Use it" }).click();
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await field.fill(device.token.replace(/.{4}$/, "0000"));
  await page.getByRole("button", { name: "Use it" }).click();
  await expect(
    page.getByText("The mess does not know this token."),
  ).toBeVisible();
  await field.fill(` ${device.token}\n`);
  await page.getByRole("button", { name: "Use it" }).click();
  await expect(page.getByText("This device is registered for")).toBeVisible();
  await checkAccessibility(page);
  const students = page.locator(".facts dd").nth(1);
  await expect(students).not.toHaveText("0");

  await page.reload();
  await expect(page.getByText("This device is registered for")).toBeVisible();
  const path = `/api/v1/staff-tokens/${device.id}`;
  await call("DELETE", path, await ownerToken());
  // The page may ask by itself just before.
  const send = page.getByRole("button", { name: "Send and refresh now" });
  const use = page.getByRole("button", { name: "Use it" });
  await send.or(use).click();
  await expect(use).toBeVisible();
  await expect
    .poll(() => keptHere(page))
    .toEqual({ roster: 0, tokens: [], scans: [] });
  expect(await page.evaluate(() => ({ ...localStorage }))).not.toHaveProperty(
    "thali.device",
  );
  expect(errors).toEqual([]);
});

test("a device of an older version keeps its registration", async ({
  page,
}) => {
  const device = await deviceToken("Story older");
  await page.goto("/app/settings");
  await page.evaluate(
    (token) => localStorage.setItem("thali.device", token),
    device.token,
  );
  await page.goto("/app/counter/device");
  await expect(page.getByText("This device is registered for")).toBeVisible();
  await page.reload();
  await expect(page.getByText("This device is registered for")).toBeVisible();
  expect((await keptHere(page)).tokens).toEqual([device.token]);
  expect(
    await page.evaluate(() => JSON.stringify({ ...localStorage })),
  ).not.toContain("stf_");
  // Another tab of the device knows at once when it is removed.
  const other = await page.context().newPage();
  await other.goto("/app/counter");
  await expect(other.getByText("Who came last")).toBeVisible();
  await page
    .getByRole("button", { name: "Remove the token from this device" })
    .click();
  await page
    .getByRole("dialog")
    .getByRole("button", { name: "Remove the token from this device" })
    .click();
  await expect(page.getByLabel("Device token")).toBeVisible();
  await expect(other.getByRole("heading", { name: "Log in" })).toBeVisible();
  await expect
    .poll(() => keptHere(page))
    .toEqual({ roster: 0, tokens: [], scans: [] });
});

test("a hardware scanner lets a student in once, and staff undo it", async ({
  page,
}) => {
  const errors = watchErrors(page);
  const { meal, label } = await mealNow();
  const student = await eater();
  const device = await deviceToken("Story gate");
  await openCounter(page, device.token);
  await expect(page.getByText("Served now")).toBeVisible();
  await checkAccessibility(page);

  await scanByWedge(page, student.code);
  await expect(verdict(page)).toHaveClass(/verdict-admitted/);
  await expect(verdict(page)).toContainText(student.name);
  await expect(verdict(page)).toContainText("Room B-12");
  await expect(verdict(page)).toContainText(label);
  // A stray Enter undoes nothing.
  await expect(page.getByRole("button", { name: "Next" })).toBeFocused();
  await checkAccessibility(page);
  // The next code replaces the verdict at once, without a tap, and without Enter, too.
  await scanByWedge(page, student.code, false);
  await expect(verdict(page)).toHaveClass(/verdict-refused/);
  await expect(verdict(page)).toContainText("Has eaten this meal already.");
  await expect(verdict(page)).toContainText(/Let in at .*Story gate/);
  await checkAccessibility(page);
  await page.keyboard.press("Escape");
  await expect(verdict(page)).toBeHidden();

  await page.getByRole("button", { name: `Undo: ${student.name}` }).click();
  await expect(
    page.getByText("The student can be scanned again."),
  ).toBeVisible();
  await expect(page.getByText(/· undone$/)).toBeVisible();
  const now = await scanElsewhere(device.token, student.code, meal, {
    dry_run: true,
  });
  expect(now.result).toBe("admitted");
  await page.getByRole("radio", { name: "All counters" }).check();
  await expect(
    page.getByRole("listitem").filter({ hasText: student.name }).first(),
  ).toBeVisible();
  expect(errors).toEqual([]);
});

test("only asking lets nobody in, and a wrong meal says so", async ({
  page,
}) => {
  const { meal } = await mealNow();
  const student = await eater();
  const device = await deviceToken("Story gate");
  await openCounter(page, device.token);
  await page.getByRole("radio", { name: "Only asks" }).check();
  await scanByWedge(page, student.code);
  await expect(verdict(page)).toContainText("Could eat now");
  await expect(verdict(page)).toContainText("Only asked: nobody was let in.");
  await page.getByRole("button", { name: "Next" }).click();
  const now = await scanElsewhere(device.token, student.code, meal, {
    dry_run: true,
  });
  expect(now.result).toBe("admitted");

  await scanByWedge(page, "https://example.com/advert");
  await expect(verdict(page)).toContainText("This is not a code of the mess.");
});

test("a supervisor lets a student in in spite of a refusal, with a reason", async ({
  page,
}) => {
  await mealNow();
  await call("PATCH", "/api/v1/mess", await ownerToken(), {
    overrides: "allowed",
  });
  const student = await eater({ paid: false });
  const device = await deviceToken("Story gate");
  await openCounter(page, device.token);
  await scanByWedge(page, student.code);
  await expect(verdict(page)).toContainText("Has not paid for this day.");
  await page.getByRole("button", { name: "Let in anyway" }).click();
  const reason = page.getByLabel("Reason");
  await expect(reason).toBeFocused();
  await page.getByRole("button", { name: "Let in", exact: true }).click();
  await expect(reason).toHaveAttribute("aria-invalid", "true");
  await reason.fill("A guest of the warden");
  await page.getByRole("button", { name: "Let in", exact: true }).click();
  await expect(verdict(page)).toHaveClass(/verdict-admitted/);
});

test("a student without a code is found, asked about and let in", async ({
  page,
}) => {
  const { meal, label } = await mealNow();
  const student = await eater();
  await logInQuickly(page, person("staff"));
  await page.goto("/app/counter");
  await page.getByRole("link", { name: "No code" }).click();
  const field = page.getByLabel("Roll number or name");
  const found = page.getByRole("button", { name: student.name });
  // The index follows the sign-up.
  await expect(async () => {
    await field.fill(student.name);
    await page.getByRole("button", { name: "Search" }).click();
    await expect(found).toBeVisible({ timeout: 2_000 });
  }).toPass();
  await checkAccessibility(page);
  await found.click();
  await expect(page.getByRole("dialog")).toContainText("Could eat now");
  await page.getByRole("button", { name: `Let in to ${label}` }).click();
  await expect(verdict(page)).toHaveClass(/verdict-admitted/);
  await expect(verdict(page)).toContainText(student.name);
  const { token } = await deviceToken("Other gate");
  const now = await scanElsewhere(token, student.code, meal, { dry_run: true });
  expect(now.reason).toBe("already_scanned");
});

test("an order is handed over once", async ({ page }) => {
  const student = await eater({ paid: false });
  const order = await call<{ order_id: string }>(
    "POST",
    "/create-order",
    student.token,
    {
      token_count: 2,
    },
  );
  const paid = await fetch(
    `${stack.sandbox}/razorpay/sandbox/orders/${order.order_id}/pay`,
    {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ outcome: "captured", webhook: true }),
    },
  );
  await call("POST", "/verify-payment", student.token, await paid.json());
  const sku = "story-counter-tea";
  const item = {
    name: "Tea of the counter",
    price_tokens: 1,
    stock: 50,
    available: true,
  };
  await call("PUT", `/api/items/${sku}`, await ownerToken(), item);
  await call("POST", "/api/orders", student.token, {
    items: [{ sku, quantity: 2 }],
  });

  await logInQuickly(page, person("staff"));
  await page.goto("/app/counter/orders");
  // It appears as soon as it is processed.
  await expect(page.getByText(student.name)).toBeVisible({ timeout: 60_000 });
  await page
    .getByLabel("Name, roll number or dish")
    .fill(student.name.toUpperCase());
  await expect(page.getByText("1 order waits")).toBeVisible();
  await expect(page.getByText("2 × Tea of the counter")).toBeVisible();
  await checkAccessibility(page);
  await page
    .getByRole("button", { name: `Handed over to ${student.name}` })
    .click();
  await expect(page.getByText(`Handed over to ${student.name}.`)).toBeVisible();
  await page.reload();
  await page.locator("h1").waitFor();
  await expect(page.getByText(student.name)).toBeHidden();
});
