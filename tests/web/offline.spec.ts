// The app without a network, and what it leaves on a device.
import { expect, test } from "@playwright/test";
import { openAs, serviceWorkerReady } from "./support/browser.js";
import { buyTokens, newStudent } from "./support/people.js";
import { person, stack } from "./support/stack.js";

test.use({ serviceWorkers: "allow" });

test("the student's code opens without a network", async ({
  context,
  page,
}) => {
  await openAs(page, person("student"), "/app/student");
  await serviceWorkerReady(page);
  await context.setOffline(true);
  await page.goto("/");
  await expect(page.getByRole("img", { name: /QR code of/ })).toBeVisible();
  await expect(
    page.getByText("It works at the counter without a network."),
  ).toBeVisible();
  await expect(
    page.getByText("No network. What you see may be old."),
  ).toBeVisible();
  await context.setOffline(false);
  await expect(
    page.getByText("No network. What you see may be old."),
  ).toBeHidden();
});

test("tokens and meals open without a network, too", async ({
  context,
  page,
}) => {
  const student = await newStudent();
  await buyTokens(student, 7);
  await openAs(page, student, "/app/student");
  await serviceWorkerReady(page);
  await context.setOffline(true);
  await page.goto("/app/student");
  await expect(
    page.getByText("7 tokens", { exact: false }).first(),
  ).toBeVisible();
  await expect(page.getByRole("heading", { name: /^Tomorrow/ })).toBeVisible();
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("after a logout nothing personal is left on the device", async ({
  context,
  page,
}) => {
  await openAs(page, person("student"), "/app/student");
  await serviceWorkerReady(page);
  await page.getByRole("link", { name: "Settings" }).click();
  // Now the page has never loaded what the others keep.
  await page.reload();
  await page.getByRole("button", { name: "Log out" }).click();
  await expect(page).toHaveURL(/\/app\/login/);
  const left = await page.evaluate(async () => {
    const urls: string[] = [];
    for (const name of await caches.keys())
      for (const request of await (await caches.open(name)).keys())
        urls.push(new URL(request.url).pathname);
    const kept: unknown[] = [];
    for (const { name } of await indexedDB.databases()) {
      const db = await new Promise<IDBDatabase>((done, failed) => {
        const opening = indexedDB.open(name ?? "");
        opening.onsuccess = () => done(opening.result);
        opening.onerror = () => failed(opening.error);
      });
      for (const store of db.objectStoreNames)
        kept.push(
          await new Promise((done) => {
            const all = db.transaction(store).objectStore(store).getAll();
            all.onsuccess = () => done(all.result);
          }),
        );
    }
    return {
      urls,
      kept,
      local: { ...localStorage },
      session: { ...sessionStorage },
    };
  });
  expect(
    left.urls.filter(
      (url) => !/^\/(?:$|app\/counter$|assets\/|manifest)/.test(url),
    ),
  ).toEqual([]);
  expect(left.kept.flat()).toEqual([]);
  expect([left.local, left.session]).toEqual([{}, {}]);
  await context.setOffline(true);
  await page.goto("/app/student");
  await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
});

test("the app is installable and its policy allows nothing inline", async ({
  request,
}) => {
  const manifest = await (await request.get("/manifest.webmanifest")).json();
  expect(manifest).toMatchObject({ display: "standalone", start_url: "/" });
  for (const icon of manifest.icons)
    expect((await request.get(icon.src)).ok()).toBe(true);
  for (const path of [
    "/",
    "/app/student",
    "/app/student/buy",
    "/app/counter",
    "/docs",
  ]) {
    const page = await request.get(path);
    const policy = page.headers()["content-security-policy"] ?? "";
    expect(policy, path).toContain("default-src 'none'");
    expect(policy, path).not.toContain("unsafe-inline");
    expect(await page.text()).not.toMatch(
      /<script(?![^>]* src=)|<style|style="/,
    );
  }
});

test("the API's description is shown in a viewer of our own origin", async ({
  page,
}) => {
  const foreign: string[] = [];
  page.on("request", (request) => {
    if (
      !request.url().startsWith(stack.url) &&
      !request.url().startsWith("data:")
    )
      foreign.push(request.url());
  });
  await page.goto("/docs");
  await expect(
    page.getByText("/student/token-submission", { exact: true }).first(),
  ).toBeVisible();
  expect(foreign).toEqual([]);
});
