// Sessions that end, two tabs, a network that breaks.
import { expect, test } from "@playwright/test";
import {
  endSession,
  logInQuickly,
  openAs,
  settled,
} from "./support/browser.js";
import { person } from "./support/stack.js";

test("two tabs that refresh at the same time both stay logged in", async ({
  context,
  page,
}) => {
  await logInQuickly(page, person("student"));
  const other = await context.newPage();
  for (let round = 0; round < 3; round += 1) {
    await Promise.all([page.goto("/app/student"), other.goto("/app/student")]);
    await Promise.all([settled(page), settled(other)]);
    for (const tab of [page, other])
      await expect(tab.getByRole("heading", { name: "My code" })).toBeVisible();
  }
});

test("a logout in one tab logs the other out", async ({ context, page }) => {
  await openAs(page, person("student"), "/app/student");
  const other = await context.newPage();
  await other.goto("/app/settings");
  await other.getByRole("button", { name: "Log out" }).click();
  await expect(page).toHaveURL(/\/app\/login/);
});

test("an ended session is logged in again in place", async ({ page }) => {
  await openAs(page, person("owner"), "/app/owner");
  await endSession(page, "**/owner/dashboard");
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
  await openAs(page, person("owner"), "/app/owner");
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

test("a server that does not answer at the start is asked again", async ({
  page,
}) => {
  await logInQuickly(page, person("student"));
  await page.route("**/api/auth/refresh", (route) => route.abort());
  await page.goto("/app/student/tokens");
  await expect(
    page.getByRole("heading", { name: "This page needs the network" }),
  ).toBeVisible();
  await page.unroute("**/api/auth/refresh");
  await expect(page.getByRole("heading", { name: "Tokens" })).toBeVisible();
});
