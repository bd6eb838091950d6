// Students take leave from meals in the calendar, and take it back.
import { expect, test, type Page } from "@playwright/test";
import { call } from "./support/api.js";
import {
  checkAccessibility,
  logInQuickly,
  watchErrors,
} from "./support/browser.js";
import { newStudent } from "./support/people.js";
import { cutsOf, dayAhead } from "./support/student.js";

async function shown(page: Page, date: string) {
  const day = page.locator(`[data-day="${date}"]`);
  const next = page.getByRole("button", { name: "Month after" });
  await expect(page.locator(".student-calendar")).toBeVisible();
  while (!(await day.isVisible())) await next.click();
  return day;
}

/** Three days of the same week, some days ahead. */
function threeDays(): [string, string, string] {
  let ahead = 7;
  while (new Date(`${dayAhead(ahead)}T00:00:00Z`).getUTCDay() !== 2) ahead += 1;
  const days = [ahead, ahead + 1, ahead + 2].map(dayAhead) as [
    string,
    string,
    string,
  ];
  const sameMonth = days[0].slice(0, 7) === days[2].slice(0, 7);
  return sameMonth
    ? days
    : ([ahead + 7, ahead + 8, ahead + 9].map(dayAhead) as typeof days);
}

test("a student takes leave for days and takes a day of it back", async ({
  page,
}) => {
  const errors = watchErrors(page);
  const student = await newStudent();
  const [first, middle, last] = threeDays();
  await logInQuickly(page, student);
  await page.goto("/app/student/leave");
  await expect(page.getByText("No leave is planned.")).toBeVisible();
  await (await shown(page, first)).click();
  await (await shown(page, last)).click();
  await page.getByRole("checkbox", { name: "Breakfast" }).uncheck();
  await checkAccessibility(page);
  await page.getByRole("button", { name: "Take leave from 6 meals" }).click();
  await expect(page.getByText("You are on leave.")).toBeVisible({
    timeout: 40_000,
  });
  expect(await cutsOf(student)).toEqual([`${first} ${last} LUNCH,DINNER`]);

  await (await shown(page, middle)).click();
  await page.getByRole("button", { name: "Take back 2 meals" }).click();
  await expect(page.getByText("Your leave is taken back.")).toBeVisible();
  await expect
    .poll(() => cutsOf(student))
    .toEqual([
      `${first} ${first} LUNCH,DINNER`,
      `${last} ${last} LUNCH,DINNER`,
    ]);
  expect(errors).toEqual([]);
});

test("days are chosen by dragging, and with the keyboard", async ({ page }) => {
  const student = await newStudent();
  const [first, , last] = threeDays();
  await logInQuickly(page, student);
  await page.goto("/app/student/leave");
  const from = await (await shown(page, first)).boundingBox();
  const to = await (await shown(page, last)).boundingBox();
  if (!from || !to) throw new Error("the days are not on the screen");
  await page.mouse.move(from.x + 15, from.y + 15);
  await page.mouse.down();
  await page.mouse.move(to.x + 15, to.y + 15, { steps: 6 });
  await page.mouse.up();
  await expect(
    page.getByRole("button", { name: "Take leave from 9 meals" }),
  ).toBeVisible();
  await page
    .getByRole("region", { name: "Chosen days" })
    .getByRole("button", { name: "Close" })
    .click();
  await page.locator(`[data-day="${first}"]`).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Shift+ArrowRight");
  await expect(page.locator(`[data-day="${last}"]`)).not.toBeFocused();
  await page.getByRole("button", { name: "Take leave from 6 meals" }).click();
  await expect(page.getByText("You are on leave.")).toBeVisible({
    timeout: 40_000,
  });
});

test("a change that breaks off in the middle is finished by itself", async ({
  page,
}) => {
  const student = await newStudent();
  const [first, middle, last] = threeDays();
  await call("POST", "/api/v1/mess-cuts", student.token, {
    from: first,
    to: last,
  });
  await logInQuickly(page, student);
  await page.goto("/app/student/leave");
  await (await shown(page, middle)).click();
  // The leave is taken back, and then the network breaks before the rest of it is taken again.
  await page.route("**/api/v1/mess-cuts", (route) =>
    route.request().method() === "POST" ? route.abort() : route.continue(),
  );
  await page.getByRole("button", { name: "Take back 3 meals" }).click();
  await expect(
    page.getByText("Your last change is not finished."),
  ).toBeVisible();
  expect(await cutsOf(student)).toEqual([]);
  await page.unroute("**/api/v1/mess-cuts");
  await page.reload();
  const all = "BREAKFAST,LUNCH,DINNER";
  await expect
    .poll(() => cutsOf(student))
    .toEqual([`${first} ${first} ${all}`, `${last} ${last} ${all}`]);
  await expect(
    page.getByText("Your last change is not finished."),
  ).toBeHidden();
});
