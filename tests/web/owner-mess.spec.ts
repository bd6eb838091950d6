// The owner runs the mess: menu and stock, closures, settings, devices, invites, codes.
import { expect, test, type Page } from "@playwright/test";
import {
  checkAccessibility,
  logInQuickly,
  settled,
  watchErrors,
} from "./support/browser.js";
import { asOwner, unique } from "./support/owner.js";
import { person, stack } from "./support/stack.js";

async function open(page: Page, path: string): Promise<void> {
  await logInQuickly(page, person("owner"));
  await page.goto(path);
  await settled(page);
}

test("an item is added, gets a delivery, and is hidden", async ({ page }) => {
  const errors = watchErrors(page);
  const name = `Poha ${unique()}`;
  await open(page, "/app/owner/menu");
  await page.getByRole("button", { name: "Add to the menu" }).click();
  const added = page.getByRole("dialog", { name: "Add to the menu" });
  await checkAccessibility(page);
  await added.getByLabel("Name").fill(name);
  await added.getByLabel("Price in tokens").fill("100");
  await added.getByRole("button", { name: "Save" }).click();
  await expect(added.getByLabel("Price in tokens")).toBeFocused();
  await expect(added.getByText("A whole number from 1 to 99.")).toBeVisible();
  await added.getByLabel("Price in tokens").fill("2");
  await added.getByLabel("Portions in stock").fill("5");
  await added.getByRole("button", { name: "Save" }).click();
  const row = page.getByRole("listitem").filter({ hasText: name });
  await expect(row).toContainText("5 left");

  await row.getByRole("button", { name: `Stock: ${name}` }).click();
  const stock = page.getByRole("dialog", { name: `Stock: ${name}` });
  await stock.getByLabel("Portions more or fewer").fill("24");
  await expect(stock.getByText("5 now, 29 after that")).toBeVisible();
  // The answer is lost; the key sees to it that the delivery counts once.
  await page.route(
    "**/api/items/*/stock",
    async (route) => {
      await route.fetch();
      await route.abort();
    },
    { times: 1 },
  );
  await stock.getByRole("button", { name: "Save" }).click();
  await expect(row).toContainText("29 left");

  await row.getByRole("button", { name: `Change: ${name}` }).click();
  const edit = page.getByRole("dialog", { name });
  await edit.getByLabel("Students can order it").uncheck();
  await edit.getByRole("button", { name: "Save" }).click();
  await expect(row).toContainText("Not offered");
  await expect(row).toContainText("29 left");
  expect(errors).toEqual([]);
});

test("days are closed on the calendar and opened again", async ({ page }) => {
  const reason = `Repairs ${unique()}`;
  // Far enough ahead that no other story eats then.
  const month = new Date();
  month.setUTCMonth(month.getUTCMonth() + 3, 1);
  const dayLabel = (date: number): string =>
    new Intl.DateTimeFormat("en-IN", {
      weekday: "long",
      day: "numeric",
      month: "long",
      timeZone: "UTC",
    }).format(
      new Date(Date.UTC(month.getUTCFullYear(), month.getUTCMonth(), date)),
    );
  await open(page, "/app/owner/more/closures");
  for (let step = 0; step < 3; step += 1)
    await page.getByRole("button", { name: "Next month" }).click();
  await page.getByRole("button", { name: dayLabel(10) }).click();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("button", { name: dayLabel(18) })).toBeFocused();
  await page.keyboard.press("Enter");
  await page.getByLabel("Breakfast").uncheck();
  await page.getByLabel("Reason").fill(reason);
  await checkAccessibility(page);
  await page.getByRole("button", { name: "Close and tell everybody" }).click();
  const row = page.getByRole("listitem").filter({ hasText: reason });
  await expect(row).toContainText("(9 days)");
  await expect(row).toContainText("Lunch, Dinner");

  await row.getByRole("button", { name: /Open again/ }).click();
  await page
    .getByRole("dialog")
    .getByRole("button", { name: "Open again" })
    .click();
  await expect(row).toHaveCount(0);
});

test("a refused setting is marked and nothing is lost", async ({ page }) => {
  await open(page, "/app/owner/more/mess");
  const zone = page.getByLabel("Time zone");
  const before = await zone.inputValue();
  await zone.fill("Asia/Nowhere");
  await page.getByLabel("Days until a token expires").fill("91");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(zone).toHaveAttribute("aria-invalid", "true");
  await expect(zone).toBeFocused();
  await page.reload();
  await expect(page.getByLabel("Days until a token expires")).toHaveValue("91");
  await zone.fill(before);
  await page.getByLabel("Days until a token expires").fill("90");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved. It holds from now on.")).toBeVisible();
  const mess = await asOwner<{ token_validity_days: number }>(
    "GET",
    "/api/v1/mess",
  );
  expect(mess.token_validity_days).toBe(90);
});

test("a device's token is shown once, works, and is revoked", async ({
  page,
}) => {
  const name = `Counter ${unique()}`;
  await open(page, "/app/owner/more/staff");
  await page.getByLabel("Name of the device").fill(name);
  await page.getByRole("button", { name: "Make a staff token" }).click();
  const dialog = page.getByRole("dialog", { name: `Staff token for ${name}` });
  await expect(
    dialog.getByRole("img", { name: "QR code of the staff token" }),
  ).toBeVisible();
  await checkAccessibility(page);
  const token = await dialog
    .getByLabel("Staff token", { exact: true })
    .innerText();
  expect(token).toMatch(/^stf_/);
  const asDevice = async (): Promise<number> =>
    (
      await fetch(`${stack.url}/api/items`, {
        headers: { authorization: `Bearer ${token}` },
      })
    ).status;
  expect(await asDevice()).toBe(200);
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(page.getByText(token)).toHaveCount(0);
  const stored = await page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }]),
  );
  expect(stored).not.toContain(token);

  // The newest is the first, and a revocation leaves the list where it is.
  const row = page.getByRole("listitem").filter({ hasText: name });
  await expect(row).toBeVisible();
  await row.getByRole("button", { name: `Revoke: ${name}` }).click();
  await page
    .getByRole("dialog")
    .getByRole("button", { name: "Revoke" })
    .click();
  await expect.poll(asDevice).toBe(401);
  await expect(row).toContainText("Revoked");
  await expect(row.getByRole("heading")).toBeFocused();
});

test("an invite's code is shown with what to do with it", async ({ page }) => {
  await open(page, "/app/owner/more/staff");
  await page.getByRole("button", { name: "Make an invite code" }).click();
  const dialog = page.getByRole("dialog", { name: "Invite code" });
  await expect(dialog.getByText("/app/sign-up")).toBeVisible();
  await expect(dialog.getByLabel("Invite code")).not.toBeEmpty();
});

test("codes are replaced only after their grace time is explained", async ({
  page,
}) => {
  await open(page, "/app/owner/more/codes");
  await page
    .getByLabel("How long do the old codes still work?")
    .selectOption("720");
  await page.getByRole("button", { name: "Replace all codes" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("until this time ends");
  await checkAccessibility(page);
  // A second replacement would end the grace time of the first, while other stories scan codes.
  if (test.info().project.name !== "desktop") return;
  await dialog.getByRole("button", { name: "Replace all codes" }).click();
  await expect(page.getByText(/Old ones work until/)).toBeVisible();
});

test("a session that ends in a form is renewed in place", async ({ page }) => {
  const name = `Upma ${unique()}`;
  await open(page, "/app/owner/menu");
  await page.getByRole("button", { name: "Add to the menu" }).click();
  const added = page.getByRole("dialog", { name: "Add to the menu" });
  await added.getByLabel("Name").fill(name);
  // The server no longer takes the access token, and the session's cookie is gone.
  await page.context().clearCookies();
  await page.route(
    "**/api/items/upma-*",
    (route) =>
      route.fulfill({
        status: 401,
        contentType: "application/problem+json",
        body: JSON.stringify({
          type: "about:blank",
          title: "Unauthorized",
          status: 401,
          detail: "Log in.",
          code: "unauthenticated",
          request_id: "test",
        }),
      }),
    { times: 1 },
  );
  await added.getByRole("button", { name: "Save" }).click();
  const again = page.getByRole("dialog", { name: "Please log in again" });
  await again
    .getByLabel("Password", { exact: true })
    .fill(person("owner").password);
  await again.getByRole("button", { name: "Log in" }).click();
  await expect(again).toBeHidden();
  await expect(
    page.getByRole("listitem").filter({ hasText: name }),
  ).toBeVisible();
  const hidden = { name, price_tokens: 1, available: false };
  const sku = name.toLowerCase().replaceAll(" ", "-");
  await asOwner("PUT", `/api/items/${sku}`, hidden);
});
