// A student of a mess that approves each one: waiting, and what the owner's decision does.
import { expect, test } from "@playwright/test";
import { call } from "./support/api.js";
import { checkAccessibility, openAs, watchErrors } from "./support/browser.js";
import { messWithApproval } from "./support/mess.js";
import { newStudent } from "./support/people.js";

test("a student waits, and is let in without reloading", async ({ page }) => {
  const errors = watchErrors(page);
  const { mess_id, token } = await messWithApproval();
  const student = await newStudent("Meera Iyer", { mess_id });
  await openAs(page, student, "/app/waiting");
  await expect(
    page.getByRole("heading", { name: "The mess office has to approve you" }),
  ).toBeVisible();
  await checkAccessibility(page);
  // Nothing else opens meanwhile.
  await page.goto("/app/student/tokens");
  await expect(page).toHaveURL(/\/app\/waiting$/);
  await page.getByRole("button", { name: "Look again" }).click();
  await expect(page.getByText("Not yet. You will get a mail.")).toBeVisible();

  await page.evaluate(() => document.body.setAttribute("data-same", ""));
  const approve = `/api/v1/students/${student.accountId}/approve`;
  await call("POST", approve, token, {});
  await expect(
    page.getByRole("heading", { name: "Hello Meera Iyer" }),
  ).toBeVisible({ timeout: 40_000 });
  await expect(page.getByRole("img", { name: /QR code of/ })).toBeVisible();
  await expect(page.locator("body[data-same]")).toHaveCount(1);
  expect(errors).toEqual([]);
});

test("a student whom the owner rejects is logged out", async ({ page }) => {
  const { mess_id, token } = await messWithApproval();
  const student = await newStudent("Meera Iyer", { mess_id });
  await openAs(page, student, "/app/waiting");
  const reject = `/api/v1/students/${student.accountId}/reject`;
  await call("POST", reject, token, { reason: "Not a resident" });
  await page.getByRole("button", { name: "Look again" }).click();
  await expect(page).toHaveURL(/\/app\/login/);
  await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
});
