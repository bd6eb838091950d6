// Sessions that end, two tabs, a network that breaks.
import { expect, test } from "@playwright/test";
import { logIn, settled } from "./support/browser.js";
import { person } from "./support/stack.js";

test("two tabs that refresh at the same time both stay logged in", async ({
  context,
  page,
}) => {
  await logIn(page, person("student"));
  const other = await context.newPage();
  for (let round = 0; round < 3; round += 1) {
    await Promise.all([page.goto("/app/student"), other.goto("/app/student")]);
    await Promise.all([settled(page), settled(other)]);
    for (const tab of [page, other])
      await expect(tab.getByRole("heading", { name: "My code" })).toBeVisible();
  }
});

test("a logout in one tab logs the other out", async ({ context, page }) => {
  await logIn(page, person("student"));
  const other = await context.newPage();
  await other.goto("/app/settings");
  await other.getByRole("button", { name: "Log out" }).click();
  await expect(page).toHaveURL(/\/app\/login/);
});

test("an ended session is logged in again in place", async ({ page }) => {
  await logIn(page, person("owner"));
  await settled(page);
  // The server no longer takes the access token, and the session's cookie is gone.
  await page.context().clearCookies();
  const refusal = {
    type: "about:blank",
    title: "Unauthorized",
    status: 401,
    detail: "Log in.",
    code: "unauthenticated",
    request_id: "test",
  };
  await page.route(
    "**/owner/dashboard",
    (route) =>
      route.fulfill({
        status: 401,
        contentType: "application/problem+json",
        body: JSON.stringify(refusal),
      }),
    { times: 1 },
  );
  await page.getByRole("link", { name: "Settings" }).click();
  await expect(page.getByRole("heading", { name: "Settings" })).toBeVisible();
  await page.getByRole("link", { name: "Thali" }).click();
  const dialog = page.getByRole("dialog", { name: "Please log in again" });
  await expect(dialog).toBeVisible();
  await dialog
    .getByLabel("Password", { exact: true })
    .fill(person("owner").password);
  await dialog.getByRole("button", { name: "Log in" }).click();
  await expect(dialog).toBeHidden();
  await expect(
    page.getByRole("heading", { name: "Waiting for you" }),
  ).toBeVisible();
});

test("an answer that is lost can be tried again", async ({ page }) => {
  await logIn(page, person("owner"));
  await settled(page);
  await page.route("**/owner/dashboard", (route) => route.abort());
  await page.getByRole("link", { name: "Settings" }).click();
  await expect(page.getByRole("heading", { name: "Settings" })).toBeVisible();
  await page.getByRole("link", { name: "Thali" }).click();
  await expect(page.getByRole("alert")).toContainText("cannot be reached");
  await page.unroute("**/owner/dashboard");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(
    page.getByRole("heading", { name: "Waiting for you" }),
  ).toBeVisible();
});
