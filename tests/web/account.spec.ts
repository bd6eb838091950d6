// One's own account: password, address, sessions, deletion.
import { expect, test } from "@playwright/test";
import {
  checkAccessibility,
  logIn,
  logInQuickly,
  watchErrors,
} from "./support/browser.js";
import { tokenOf } from "./support/api.js";
import { buyTokens, newStudent } from "./support/people.js";
import { codeMailedTo, stranger } from "./support/stack.js";

const CHANGED = "idli sambar and chutney";

test("a changed password ends the other sessions, and not this one", async ({
  page,
  browser,
}) => {
  const errors = watchErrors(page);
  const student = await newStudent();
  const elsewhere = await (await browser.newContext()).newPage();
  await logIn(elsewhere, student);
  await logIn(page, student);
  await page.goto("/app/account/password");
  await page.getByLabel("Present password").fill("not the password");
  await page.getByLabel("New password").fill(CHANGED);
  await page.getByRole("button", { name: "Change the password" }).click();
  await expect(page.getByRole("alert")).toContainText(
    "not your current password",
  );
  await checkAccessibility(page);
  await page.getByLabel("Present password").fill(student.password);
  await page.getByRole("button", { name: "Change the password" }).click();
  await expect(page.getByText("Your password is changed.")).toBeVisible();
  await page.reload();
  await expect(page.getByRole("heading", { name: "My account" })).toBeVisible();
  await elsewhere.goto("/app/student/me");
  await expect(elsewhere).toHaveURL(/\/app\/login/);
  await elsewhere.context().close();
  await tokenOf({ email: student.email, password: CHANGED });
  expect(errors).toEqual([]);
});

test("an address is changed with the code that comes to the new one", async ({
  page,
}) => {
  const student = await newStudent();
  const { email } = stranger();
  await logInQuickly(page, student);
  await page.goto("/app/account/email");
  await page.getByLabel("New e-mail address").fill(email);
  await page.getByLabel("Present password").fill(student.password);
  await page.getByRole("button", { name: "Send me the code" }).click();
  await expect(page.getByText(email)).toBeVisible();
  await page.reload();
  await page.getByLabel("Code from the mail").fill(await codeMailedTo(email));
  await page.getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByText(email)).toBeVisible();
  await expect(page.getByRole("heading", { name: "My account" })).toBeVisible();
  await tokenOf({ email, password: student.password });
});

test("a session on another device is ended from the list", async ({
  page,
  browser,
}) => {
  const student = await newStudent();
  const elsewhere = await (await browser.newContext()).newPage();
  await logIn(elsewhere, student);
  await logInQuickly(page, student);
  await page.goto("/app/account/sessions");
  const list = page.getByRole("list", { name: "Where I am logged in" });
  await expect(list.getByText("This device")).toHaveCount(1);
  await checkAccessibility(page);
  await page.getByRole("button", { name: "Log out everywhere else" }).click();
  await expect(
    page.getByText("All other devices are logged out."),
  ).toBeVisible();
  await expect(list.getByRole("listitem")).toHaveCount(1);
  await elsewhere.goto("/app/student/me");
  await expect(elsewhere).toHaveURL(/\/app\/login/);
  await elsewhere.context().close();
});

test("a deleted account is gone, and the page has said what lapses", async ({
  page,
}) => {
  const student = await newStudent();
  await buyTokens(student, 3);
  await logInQuickly(page, student);
  await page.goto("/app/account/delete");
  await expect(page.getByText("3 tokens that you have not used")).toBeVisible();
  const action = page.getByRole("button", { name: "Delete my account" });
  await expect(action).toBeDisabled();
  await checkAccessibility(page);
  await page.getByRole("checkbox").check();
  await page.getByLabel("Present password").fill(student.password);
  await action.click();
  await expect(page.getByText("Your account is deleted.")).toBeVisible();
  await expect(page).toHaveURL(/\/app\/login/);
  await page.getByLabel("E-mail or username").fill(student.email);
  await page.getByLabel("Password", { exact: true }).fill(student.password);
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
});
