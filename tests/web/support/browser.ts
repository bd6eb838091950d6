// What the stories do in a browser again and again.
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";
import type { Person } from "./stack.js";

/** Logs in as a person does. */
export async function logIn(page: Page, who: Person): Promise<void> {
  await page.goto("/app/login");
  await page.getByLabel("E-mail or username").fill(who.email);
  await page.getByLabel("Password", { exact: true }).fill(who.password);
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page).not.toHaveURL(/\/login/);
}

/** Logs in without the form, in whatever language the page is. */
export async function logInQuickly(page: Page, who: Person): Promise<void> {
  await page.goto("/app/settings");
  await page.locator("h1").waitFor();
  await page.evaluate(async ({ email, password }) => {
    const response = await fetch("/login", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email, password }),
    });
    const { account } = (await response.json()) as {
      account: { role: string };
    };
    localStorage.setItem("thali.session", account.role);
  }, who);
}

/** Waits until a page has its heading and its data. */
export async function settled(page: Page): Promise<void> {
  await page.locator("h1").first().waitFor();
  await expect(page.locator(".skeleton")).toHaveCount(0);
  await page.evaluate(() => document.fonts.ready.then(() => null));
}

/** Nothing serious or critical on the page. */
export async function checkAccessibility(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const bad = violations.filter(
    ({ impact }) => impact === "serious" || impact === "critical",
  );
  const told = bad.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n  ${nodes.map((node) => node.html).join("\n  ")}`,
  );
  expect(told, "axe").toEqual([]);
}

/** Nothing is wider than the screen. */
export async function checkWidth(page: Page): Promise<void> {
  const overflow = await page.evaluate(
    () =>
      document.documentElement.scrollWidth -
      document.documentElement.clientWidth,
  );
  expect(overflow, "pixels wider than the screen").toBeLessThanOrEqual(0);
}

/** Fails the test if the page has an error that nobody has caught, or breaks its own policy. */
export function watchErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy|Content-Security-Policy/.test(message.text()))
      errors.push(message.text());
  });
  return errors;
}
