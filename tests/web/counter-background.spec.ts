// Scans that the browser sends after the counter's page was closed.
import { expect, test, type BrowserContext, type Page } from "@playwright/test";
import { logInQuickly } from "./support/browser.js";
import {
  call,
  deviceToken,
  eater,
  keptHere,
  knows,
  mealNow,
  openCounter,
  ownerToken,
  scanByWedge,
  verdict,
} from "./support/counter.js";
import { person, stack } from "./support/stack.js";

test.use({ serviceWorkers: "allow" });
test.setTimeout(240_000);

interface Registrations {
  registrations: { registrationId: string; scopeURL: string }[];
}

/** Tells the service worker that the network is back, as the browser does. No page of the counter is open. */
async function networkIsBack(context: BrowserContext): Promise<void> {
  await context.setOffline(false);
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  const found = new Promise<string>((done) => {
    session.on("ServiceWorker.workerRegistrationUpdated", (event) => {
      const { registrations } = event as Registrations;
      const ours = registrations.find((it) =>
        it.scopeURL.startsWith(stack.url),
      );
      if (ours) done(ours.registrationId);
    });
  });
  await session.send("ServiceWorker.enable");
  await session.send("ServiceWorker.dispatchSyncEvent", {
    origin: stack.url,
    registrationId: await found,
    tag: "thali-scans",
    lastChance: false,
  });
  await page.close();
}

async function scanOffline(page: Page, code: string): Promise<void> {
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
  await page.context().setOffline(true);
  await scanByWedge(page, code);
  await expect(verdict(page)).toHaveClass(/verdict-admitted/);
  await page.keyboard.press("Escape");
  await expect(page.getByText("1 scan waits for the network.")).toBeVisible();
}

test("scans made offline are sent after the page was closed", async ({
  context,
  page,
}) => {
  const { meal } = await mealNow();
  const student = await eater();
  const device = await deviceToken("Story closed");
  await openCounter(page, device.token);
  await scanOffline(page, student.code);
  await expect(
    page.getByText("It is sent by itself, also if you close this page"),
  ).toBeVisible();
  await page.close();
  expect(await knows(device.token, student.code, meal)).toBe("admitted");

  await networkIsBack(context);
  await expect
    .poll(() => knows(device.token, student.code, meal), { timeout: 60_000 })
    .toBe("already_scanned");
  // The device knows that the server has it: nothing waits, and nobody is asked about it.
  const again = await context.newPage();
  await again.goto("/app/settings");
  await expect
    .poll(async () => (await keptHere(again)).scans.map(({ state }) => state))
    .toEqual(["done"]);
  await again.goto("/app/counter");
  await expect(
    again.getByRole("button", { name: `Undo: ${student.name}` }),
  ).toBeVisible();
  await expect(again.getByText("waits for the network")).toBeHidden();
  await expect(again.getByText("The server decided otherwise")).toBeHidden();
});

test("the scans of a staff login wait for a page", async ({
  context,
  page,
}) => {
  const { meal } = await mealNow();
  const student = await eater();
  const { token } = await deviceToken("Story staff");
  await logInQuickly(page, person("staff"));
  const roster = page.waitForResponse(
    (response) => response.url().includes("/scanner/roster") && response.ok(),
  );
  await page.goto("/app/counter");
  await roster;
  await scanOffline(page, student.code);
  await expect(page.getByText("Keep this page open")).toBeVisible();
  await page.close();
  await networkIsBack(context);
  await context.setOffline(true);
  const again = await context.newPage();
  await again.goto("/app/counter");
  await expect(again.getByText("1 scan waits for the network.")).toBeVisible();
  expect(await knows(token, student.code, meal)).toBe("admitted");
  await context.setOffline(false);
  await expect(again.getByText("waits for the network")).toBeHidden();
  await expect
    .poll(() => knows(token, student.code, meal))
    .toBe("already_scanned");
});

test("a token that was revoked meanwhile is removed, and the scan stays", async ({
  context,
  page,
}) => {
  await mealNow();
  const student = await eater();
  const device = await deviceToken("Story revoked");
  await openCounter(page, device.token);
  await scanOffline(page, student.code);
  await page.close();
  const path = `/api/v1/staff-tokens/${device.id}`;
  await call("DELETE", path, await ownerToken());
  await networkIsBack(context);
  const again = await context.newPage();
  await again.goto("/app/settings");
  await expect
    .poll(() => keptHere(again))
    .toMatchObject({ roster: 0, tokens: [], scans: [{ state: "waiting" }] });
  expect(JSON.stringify((await keptHere(again)).scans)).not.toContain(
    student.name,
  );
});
