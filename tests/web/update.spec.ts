// A new version of the app: it waits, says so, and takes over when a person wants it.
import { expect, test } from "@playwright/test";
import { serviceWorkerReady } from "./support/browser.js";
import { deployment } from "./support/deployment.js";

test.use({ serviceWorkers: "allow" });

test("a new version waits until the person taps, in all tabs", async ({
  context,
  page,
}) => {
  const server = await deployment();
  try {
    await page.goto(`${server.url}/app/login`);
    await serviceWorkerReady(page);
    await page.reload();
    const state = () =>
      page.evaluate(() => navigator.serviceWorker.controller?.state);
    await expect.poll(state).toBe("activated");
    const other = await context.newPage();
    await other.goto(`${server.url}/app/settings`);
    await other.locator("h1").waitFor();
    const notice = page.getByText("A new version is ready.");
    await expect(notice).toBeHidden();

    await page.getByLabel("E-mail or username").fill("meera@example.com");
    server.deployNext();
    await page.evaluate(async () => {
      await (await navigator.serviceWorker.getRegistration())?.update();
    });
    await expect(notice).toBeVisible();
    await expect(other.getByText("A new version is ready.")).toBeVisible();
    const reloads = [page.waitForEvent("load"), other.waitForEvent("load")];
    await page.getByRole("button", { name: "Reload to use it" }).click();
    await Promise.all(reloads);
    await expect(notice).toBeHidden();
    // What was typed is still there.
    await expect(page.getByLabel("E-mail or username")).toHaveValue(
      "meera@example.com",
    );
  } finally {
    await server.close();
  }
});

test("a deployment that has removed an old file leads to one reload", async ({
  page,
}) => {
  // Without a service worker, as at the first visit.
  await page.route("**/sw.js", (route) => route.abort());
  await page.goto("/app/login");
  await page.locator("h1").waitFor();
  await page.route(
    /assets\/sign-up-[\w-]{8}\.js/,
    (route) => route.fulfill({ status: 404 }),
    {
      times: 1,
    },
  );
  await page.getByRole("link", { name: "Create an account" }).click();
  await expect(
    page.getByRole("heading", { name: "Create an account" }),
  ).toBeVisible();
  await expect(page).toHaveURL(/\/app\/sign-up$/);
});
