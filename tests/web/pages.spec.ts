// Every page of the app, on a phone and a desktop, in every language and theme: a screenshot, axe,
// and nothing wider than the screen or than the smallest telephone. The pages come from the route
// tables, so a new page is looked at by itself.
import { expect, test, type Page } from "@playwright/test";
import { PAGES } from "../../functions/web/src/app/routes.js";
import type { Page as AppPage } from "../../functions/web/src/app/pages.js";
import {
  checkAccessibility,
  checkWidth,
  follow,
  logInQuickly,
  settled,
  watchErrors,
} from "./support/browser.js";
import { filled } from "./support/filled.js";
import { person, stack, type Person } from "./support/stack.js";

const SMALLEST = { width: 320, height: 568 };

/** Who looks at the pages of which audiences. */
const LOOKS: Record<
  string,
  [AppPage["audience"][], () => Promise<Person | null>]
> = {
  everybody: [["anyone", "stranger"], async () => null],
  "every person": [["person"], async () => (await filled()).student],
  students: [["student"], async () => (await filled()).student],
  "the counter": [["counter"], async () => person("staff")],
  owners: [["owner"], async () => person("owner")],
};

/** What must be true before a page shows itself, by its path. */
const BEFORE: Record<string, (page: Page) => Promise<void>> = {
  // A sign-up that waits for its code.
  "/app/sign-up/code": (page) =>
    page.evaluate(() => {
      const pending = {
        email: "meera@example.com",
        registrationId: "reg_1",
        sentAt: Date.now(),
      };
      sessionStorage.setItem("pending:sign-up", JSON.stringify(pending));
    }),
  // An account that the mess has not approved.
  "/app/waiting": (page) =>
    page.route("**/api/auth/refresh", async (route) => {
      const response = await route.fetch();
      const body = (await response.json()) as { account: object };
      await route.fulfill({
        response,
        json: {
          ...body,
          account: { ...body.account, status: "pending_approval" },
        },
      });
    }),
};

/** Where a page is looked at, and how its pictures are called. */
async function placesOf({ path, example }: AppPage) {
  const name = path.slice("/app/".length).replace(/[/:]+/g, "-");
  if (!example) return [{ path, name }];
  const { order, cycle } = await filled();
  const real = path.includes(":order_id") ? order : cycle;
  return [
    { path: real, name },
    { path: example, name: `${name}.unknown` },
  ];
}

/** Looks at the page that is open, in both themes. */
async function look(page: Page, name: string, language: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    // The same colours in another language need no second look.
    if (language === "en" || colorScheme === "light")
      await checkAccessibility(page);
    await page.screenshot({
      path: `${stack.screenshots}/${name}.${test.info().project.name}.${colorScheme}.${language}.png`,
      fullPage: true,
    });
  }
  await checkWidth(page);
  const size = page.viewportSize() ?? SMALLEST;
  await page.setViewportSize(SMALLEST);
  await checkWidth(page);
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme: "light" });
}

for (const language of ["en", "hi"] as const) {
  test.describe(language, () => {
    test.use({ colorScheme: "light", locale: `${language}-IN` });
    for (const [who, [audiences, login]] of Object.entries(LOOKS)) {
      test(`the pages of ${who}`, async ({ page }) => {
        test.setTimeout(240_000);
        const errors = watchErrors(page);
        const looker = await login();
        if (looker) await logInQuickly(page, looker);
        await page.goto("/app/settings");
        let prepared = false;
        for (const each of PAGES.filter(({ audience }) =>
          audiences.includes(audience),
        )) {
          for (const { path, name } of await placesOf(each)) {
            await test.step(path, async () => {
              await BEFORE[each.path]?.(page);
              // A page opens by its address as well as by a link. What was true only for one page
              // is forgotten with a new start.
              const isPrepared = each.path in BEFORE;
              if (language === "en" || isPrepared || prepared)
                await page.goto(path);
              else await follow(page, path);
              prepared = isPrepared;
              await settled(page);
              // Not the page to which somebody was sent instead.
              expect(new URL(page.url()).pathname).toBe(path);
              await look(page, name, language);
              await page.unrouteAll();
            });
          }
        }
        expect(errors).toEqual([]);
      });
    }
  });
}
