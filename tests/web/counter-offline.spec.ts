// The counter without a network, with a bad one, and with a page that dies. Nothing scanned is lost.
import { expect, test, type Page } from "@playwright/test";
import { checkAccessibility, watchErrors } from "./support/browser.js";
import {
  deviceToken,
  eater,
  knows,
  mealNow,
  openCounter,
  scanByWedge,
  scanElsewhere,
  verdict,
} from "./support/counter.js";

test.setTimeout(240_000);
test.use({ serviceWorkers: "allow" });

const SCAN = "**/api/v1/scanner/scan";

async function serviceWorkerReady(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
}

/** The page's process is killed, as an operating system does that needs memory. */
async function kill(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const died = page.waitForEvent("crash");
  session.send("Page.crash").catch(() => null);
  await died;
  await page.close();
}

const waits = (page: Page) =>
  page.getByText("1 scan waits for the network. It is kept.");

test("without a network a device judges by its roster and sends the scans later", async ({
  context,
  page,
}) => {
  const errors = watchErrors(page);
  const { meal } = await mealNow();
  const [paid, unpaid] = [await eater(), await eater({ paid: false })];
  const device = await deviceToken("Story offline");
  await openCounter(page, device.token);
  await serviceWorkerReady(page);
  await context.setOffline(true);
  await scanByWedge(page, paid.code);
  await expect(verdict(page)).toHaveClass(/verdict-admitted/);
  await expect(verdict(page)).toContainText(paid.name);
  await expect(verdict(page)).toContainText("Judged without the network.");
  await scanByWedge(page, paid.code);
  await expect(verdict(page)).toContainText("Has eaten this meal already.");
  await expect(verdict(page)).toContainText("at this device");
  await scanByWedge(page, unpaid.code);
  await expect(verdict(page)).toContainText("Has not paid for this day.");
  await page.keyboard.press("Escape");
  await expect(page.getByText("3 scans wait for the network.")).toBeVisible();
  await checkAccessibility(page);

  // The page opens without a network, and still knows who has eaten.
  await page.goto("/app/counter");
  await expect(page.getByText("3 scans wait for the network.")).toBeVisible();
  await scanByWedge(page, paid.code);
  await expect(verdict(page)).toContainText("Has eaten this meal already.");
  await page.keyboard.press("Escape");
  await context.setOffline(false);
  await expect(page.getByText("wait for the network")).toBeHidden();
  await expect(page.getByText("The server decided otherwise")).toBeHidden();
  expect(await knows(device.token, paid.code, meal)).toBe("already_scanned");
  expect(await knows(device.token, unpaid.code, meal)).toBe("no_active_cycle");
  expect(errors).toEqual([]);
});

test("a scan survives a page that is killed before the verdict", async ({
  context,
  page,
}) => {
  const { meal } = await mealNow();
  const student = await eater();
  const device = await deviceToken("Story killed");
  await openCounter(page, device.token);
  await serviceWorkerReady(page);
  // The request leaves, and nobody ever learns what became of it.
  const left = new Promise<void>((done) => {
    void page.route(SCAN, () => done());
  });
  await scanByWedge(page, student.code);
  await left;
  await kill(page);

  expect(await knows(device.token, student.code, meal)).toBe("admitted");
  const again = await context.newPage();
  const uploaded = again.waitForResponse((response) =>
    response.url().endsWith("/scanner/scans"),
  );
  await again.goto("/app/counter");
  expect((await uploaded).ok()).toBe(true);
  await expect
    .poll(() => knows(device.token, student.code, meal))
    .toBe("already_scanned");
});

test("scans made offline survive a killed page and are sent by the next one", async ({
  context,
  page,
}) => {
  const { meal } = await mealNow();
  const student = await eater();
  const device = await deviceToken("Story killed offline");
  await openCounter(page, device.token);
  await serviceWorkerReady(page);
  await context.setOffline(true);
  await scanByWedge(page, student.code);
  await expect(verdict(page)).toHaveClass(/verdict-admitted/);
  await kill(page);
  const again = await context.newPage();
  await again.goto("/app/counter");
  await expect(waits(again)).toBeVisible();
  await context.setOffline(false);
  await expect(waits(again)).toBeHidden();
  expect(await knows(device.token, student.code, meal)).toBe("already_scanned");
});

test("a lost answer and a slow network are no second scan", async ({
  page,
}) => {
  const { meal } = await mealNow();
  const student = await eater();
  const device = await deviceToken("Story lost");
  await openCounter(page, device.token);
  // The server takes the scan, and its answer is lost.
  await page.route(SCAN, async (route) => {
    await route.fetch();
    await route.abort("connectionreset");
  });
  await scanByWedge(page, student.code);
  await expect(verdict(page)).toHaveClass(/verdict-admitted/);
  await expect(verdict(page)).toContainText("Judged without the network.");
  await page.keyboard.press("Escape");
  // The same scan is sent again, by its nonce: there is no conflict.
  await expect(waits(page)).toBeHidden({ timeout: 40_000 });
  await expect(page.getByText("The server decided otherwise")).toBeHidden();
  expect(await knows(device.token, student.code, meal)).toBe("already_scanned");

  const slow = await eater();
  await page.goto("/app/counter/device");
  await page.getByRole("button", { name: "Send and refresh now" }).click();
  await expect(
    page.getByText("All is sent, and the list is new."),
  ).toBeVisible();
  await page.goto("/app/counter");
  await page.unrouteAll();
  // An answer that never comes: nobody waits longer than some seconds.
  await page.route(SCAN, () => new Promise<void>(() => undefined));
  await expect(page.getByText("this device can judge until")).toBeVisible();
  await scanByWedge(page, slow.code);
  await expect(verdict(page)).toHaveClass(/verdict-admitted/, {
    timeout: 8_000,
  });
  await page.unrouteAll({ behavior: "ignoreErrors" });
});

test("what the server decides otherwise is shown one by one", async ({
  context,
  page,
}) => {
  const { meal } = await mealNow();
  const [first, second] = [await eater(), await eater()];
  const device = await deviceToken("Story conflict");
  const other = await deviceToken("Other gate");
  await openCounter(page, device.token);
  await context.setOffline(true);
  for (const student of [first, second]) {
    await scanByWedge(page, student.code);
    await expect(verdict(page)).toContainText(student.name);
    await expect(verdict(page)).toHaveClass(/verdict-admitted/);
    await scanElsewhere(other.token, student.code, meal);
  }
  await page.keyboard.press("Escape");
  await context.setOffline(false);
  await expect(
    page.getByText("The server decided otherwise about 2 scans."),
  ).toBeVisible();
  await page.getByRole("button", { name: "Look" }).click();
  for (const [index, student] of [first, second].entries()) {
    await expect(page.getByText(`1 of ${2 - index}`)).toBeVisible();
    const card = page
      .locator(".card")
      .filter({ hasText: "The server decided otherwise" });
    await expect(card).toContainText(student.name);
    await expect(card).toContainText("Has eaten this meal already.");
    await expect(card).toContainText("Other gate");
    await checkAccessibility(page);
    await page.getByRole("button", { name: "Understood" }).click();
  }
  await expect(page.getByText("The server decided otherwise")).toBeHidden();
});

test("a code that the device does not know is left to the staff", async ({
  context,
  page,
}) => {
  const { meal } = await mealNow();
  const device = await deviceToken("Story doubt");
  await openCounter(page, device.token);
  // Students who come after the roster was made.
  const [letIn, turnedAway] = [await eater(), await eater()];
  await context.setOffline(true);
  await scanByWedge(page, letIn.code);
  await expect(verdict(page)).toHaveClass(/verdict-unknown/);
  await expect(verdict(page)).toContainText("not in the list on this device");
  await checkAccessibility(page);
  await page.getByRole("button", { name: "Let in", exact: true }).click();
  await expect(page.getByText("you let them in")).toBeVisible();
  await scanByWedge(page, letIn.code);
  await expect(verdict(page)).toContainText("Has eaten this meal already.");
  await scanByWedge(page, turnedAway.code);
  await expect(verdict(page)).toHaveClass(/verdict-unknown/);
  await page.getByRole("button", { name: "Turn away" }).click();
  await expect(verdict(page)).toBeHidden();
  await expect(page.getByText("turned away")).toBeVisible();
  await context.setOffline(false);
  await expect(page.getByText(/waits? for the network/)).toBeHidden();
  expect(await knows(device.token, letIn.code, meal)).toBe("already_scanned");
  expect(await knows(device.token, turnedAway.code, meal)).toBe("admitted");
});
