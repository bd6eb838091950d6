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

/** Logs in without the form, in whatever language the app is. */
export async function logInQuickly(page: Page, who: Person): Promise<void> {
  const { email, password, mess_id } = who;
  const response = await page
    .context()
    .request.post("/login", { data: { email, password, mess_id } });
  expect(response.ok(), await response.text()).toBe(true);
  const { account } = (await response.json()) as { account: { role: string } };
  // A file of the app's origin that loads nothing else.
  await page.goto("/assets/icons/icon.svg");
  await page.evaluate(
    (role) => localStorage.setItem("thali.session", role),
    account.role,
  );
}

/** Opens a page as somebody, and waits until it has its data. */
export async function openAs(
  page: Page,
  who: Person,
  path: string,
): Promise<void> {
  await logInQuickly(page, who);
  await page.goto(path);
  await settled(page);
}

/** Goes to a page as a link does, which loads nothing again that the app has. */
export async function follow(page: Page, path: string): Promise<void> {
  if (new URL(page.url()).pathname === path) return;
  await page.evaluate((to) => {
    document.querySelector(".page")?.setAttribute("data-left", "");
    const link = document.createElement("a");
    link.href = to;
    document.body.append(link);
    link.click();
    link.remove();
  }, path);
  // The page before stays on the screen until the next one is there.
  await expect(page.locator("[data-left]")).toHaveCount(0);
}

/** The service worker has kept the app, so that it opens without a network. */
export async function serviceWorkerReady(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
}

/** The server does what the next request to `url` asks, and its answer never comes. */
export const loseAnswer = (page: Page, url: string): Promise<void> =>
  page.route(
    url,
    async (route) => {
      await route.fetch();
      await route.abort();
    },
    { times: 1 },
  );

/** The session has ended, and the browser learns it from the next request to `url`. */
export async function endSession(page: Page, url: string): Promise<void> {
  await page.context().clearCookies();
  const json = {
    type: "about:blank",
    title: "Unauthorized",
    status: 401,
    detail: "Log in.",
    code: "unauthenticated",
    request_id: "story",
  };
  const contentType = "application/problem+json";
  await page.route(
    url,
    (route) => route.fulfill({ status: 401, contentType, json }),
    { times: 1 },
  );
}

/** Waits until a page has its heading and its data. */
export async function settled(page: Page): Promise<void> {
  await page.locator("h1").first().waitFor();
  await expect(page.locator(".skeleton")).toHaveCount(0);
  await page.evaluate(() => document.fonts.ready.then(() => null));
}

/** Nothing serious or critical on the page. */
export async function checkAccessibility(page: Page): Promise<void> {
  // The usual mode opens a page of its own for each check, for the frames of other origins.
  const { violations } = await new AxeBuilder({ page })
    .setLegacyMode(true)
    .options({ resultTypes: ["violations"] })
    .analyze();
  const bad = violations.filter(
    ({ impact }) => impact === "serious" || impact === "critical",
  );
  const told = bad.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n  ${nodes.map((node) => node.html).join("\n  ")}`,
  );
  expect(told, "axe").toEqual([]);
}

/** Nothing is wider than the screen. A chart takes its new width a moment after a change of size. */
export async function checkWidth(page: Page): Promise<void> {
  const overflow = () =>
    page.evaluate(
      () =>
        document.documentElement.scrollWidth -
        document.documentElement.clientWidth,
    );
  await expect
    .poll(overflow, { message: "pixels wider than the screen", timeout: 3_000 })
    .toBeLessThanOrEqual(0);
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
