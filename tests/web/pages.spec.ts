// Every page of the app, in every language and theme: a screenshot, axe, and nothing wider than
// the screen. The pages come from the route tables, so a new page is looked at by itself.
import { expect, test, type Page } from "@playwright/test";
import { PAGES } from "../../functions/web/src/app/routes.js";
import {
  checkAccessibility,
  checkWidth,
  logInQuickly,
  settled,
  watchErrors,
} from "./support/browser.js";
import { person, stack } from "./support/stack.js";

/** Who looks at the pages of an audience. */
const LOOKS = {
  anyone: null,
  stranger: null,
  person: "student",
  student: "student",
  counter: "staff",
  owner: "owner",
} as const;

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
  // An account that the mess has not approved. The demo mess approves everybody at once.
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

for (const colorScheme of ["light", "dark"] as const) {
  for (const language of ["en", "hi"] as const) {
    test.describe(`${colorScheme} ${language}`, () => {
      test.use({ colorScheme, locale: `${language}-IN` });
      for (const role of [null, "student", "staff", "owner"] as const) {
        test(`the pages of ${role ?? "everybody"}`, async ({ page }, {
          project,
        }) => {
          test.setTimeout(240_000);
          const errors = watchErrors(page);
          if (role) await logInQuickly(page, person(role));
          else await page.goto("/app/settings");
          for (const each of PAGES.filter(
            (one) => LOOKS[one.audience] === role,
          )) {
            await test.step(each.path, async () => {
              const path = each.example ?? each.path;
              await BEFORE[each.path]?.(page);
              await page.goto(path);
              await settled(page);
              // Not the page to which somebody was sent instead.
              expect(new URL(page.url()).pathname).toBe(path);
              await checkWidth(page);
              await checkAccessibility(page);
              const name = each.path
                .slice("/app/".length)
                .replace(/[/:]+/g, "-");
              await page.screenshot({
                path: `${stack.screenshots}/${name}.${project.name}.${colorScheme}.${language}.png`,
                fullPage: true,
              });
              await page.unrouteAll();
            });
          }
          expect(errors).toEqual([]);
        });
      }
    });
  }
}

test("nothing is wider than the smallest telephone", async ({ page }) => {
  await page.setViewportSize({ width: 320, height: 568 });
  for (const role of ["student", "staff", "owner"] as const) {
    await logInQuickly(page, person(role));
    for (const each of PAGES.filter(
      (one) => LOOKS[one.audience] === role && !BEFORE[one.path],
    )) {
      await page.goto(each.example ?? each.path);
      await settled(page);
      await checkWidth(page);
    }
  }
});
