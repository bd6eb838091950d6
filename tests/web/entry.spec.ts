// Signing up, logging in, a forgotten password.
import { expect, test } from "@playwright/test";
import { checkAccessibility, logIn, watchErrors } from "./support/browser.js";
import { codeMailedTo, person, stranger } from "./support/stack.js";

test("a student signs up with the code from the mail and is in", async ({
  page,
}) => {
  const errors = watchErrors(page);
  const who = stranger();
  await page.goto("/");
  await page.getByRole("link", { name: "Create an account" }).click();
  await page.getByLabel("Full name").fill("Meera Iyer");
  await page.getByLabel("E-mail").fill(who.email);
  await page.getByLabel("Password", { exact: true }).fill(who.password);
  await page.getByRole("button", { name: "Send me the code" }).click();
  await expect(page.getByText(who.email)).toBeVisible();
  const code = page.getByLabel("Code from the mail");
  await expect(code).toBeFocused();
  await expect(code).toHaveAttribute("autocomplete", "one-time-code");
  await checkAccessibility(page);

  await code.fill("000000");
  await page.getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByRole("alert")).toContainText("That code is wrong.");

  // The page survives a reload, and a code is pasted with spaces as some mail apps copy it.
  await page.reload();
  const right = await codeMailedTo(who.email);
  await code.fill(` ${right.slice(0, 3)} ${right.slice(3)} `);
  await page.getByRole("button", { name: "Confirm" }).click();
  await expect(page).toHaveURL(/\/app\/login$/);
  await logIn(page, who);
  await expect(page).toHaveURL(/\/app\/student$/);
  await expect(
    page.getByRole("heading", { name: "Hello Meera Iyer" }),
  ).toBeVisible();
  expect(errors).toEqual([]);
});

test("what is typed survives a failed submit and a reload, passwords apart", async ({
  page,
}) => {
  await page.goto("/app/sign-up");
  await page.getByLabel("Full name").fill("Meera Iyer");
  await page.getByLabel("E-mail").fill("not an address");
  await page
    .getByLabel("Password", { exact: true })
    .fill("curd rice and lemon");
  await page.getByRole("button", { name: "Send me the code" }).click();
  const email = page.getByLabel("E-mail");
  await expect(email).toHaveAttribute("aria-invalid", "true");
  await expect(email).toBeFocused();
  await expect(page.getByRole("alert")).toContainText(
    "Please look at the marked fields.",
  );
  await page.reload();
  await expect(page.getByLabel("Full name")).toHaveValue("Meera Iyer");
  await expect(email).toHaveValue("not an address");
  await expect(page.getByLabel("Password", { exact: true })).toHaveValue("");
  const stored = await page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }]),
  );
  expect(stored).not.toContain("curd rice");
});

test("a wrong password says so and keeps the name", async ({ page }) => {
  await page.goto("/app/login");
  await page.getByLabel("E-mail or username").fill(stranger().email);
  await page.getByLabel("Password", { exact: true }).fill("wrong");
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("alert")).toContainText("do not belong together");
  await expect(page.getByLabel("E-mail or username")).not.toHaveValue("");
  await expect(page).toHaveURL(/\/app\/login$/);
});

test("a forgotten password is replaced with the code from the mail", async ({
  page,
}) => {
  const who = stranger();
  await page.goto("/app/sign-up");
  await page.getByLabel("Full name").fill("Kabir Das");
  await page.getByLabel("E-mail").fill(who.email);
  await page.getByLabel("Password", { exact: true }).fill(who.password);
  await page.getByRole("button", { name: "Send me the code" }).click();
  await page
    .getByLabel("Code from the mail")
    .fill(await codeMailedTo(who.email));
  await page.getByRole("button", { name: "Confirm" }).click();
  await page.getByRole("link", { name: "Forgotten your password?" }).click();
  // The page before has a field for an address, too.
  await expect(
    page.getByRole("heading", { name: "Set a new password" }),
  ).toBeVisible();
  await page.getByLabel("E-mail").fill(who.email);
  await page.getByRole("button", { name: "Send me the code" }).click();
  await page
    .getByLabel("Code from the mail")
    .fill(await codeMailedTo(who.email, 1));
  const changed = { ...who, password: "idli sambar and chutney" };
  await page.getByLabel("New password").fill(changed.password);
  await page.getByRole("button", { name: "Set the new password" }).click();
  await expect(page).toHaveURL(/\/app\/login$/);
  await logIn(page, changed);
  await expect(page).toHaveURL(/\/app\/student$/);
});

for (const [role, begins] of [
  ["student", "/app/student"],
  ["owner", "/app/owner"],
  ["staff", "/app/counter"],
] as const) {
  test(`the ${role} begins at ${begins} and logs out`, async ({ page }) => {
    const errors = watchErrors(page);
    await logIn(page, person(role));
    await expect(page).toHaveURL(new RegExp(`${begins}$`));
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByRole("button", { name: "Log out" }).click();
    await expect(page).toHaveURL(/\/app\/login/);
    await page.goto(begins);
    await expect(page).toHaveURL(/\/app\/login\?to=/);
    const left = await page.evaluate(() => [
      localStorage.length,
      sessionStorage.length,
    ]);
    expect(left).toEqual([0, 0]);
    expect(errors).toEqual([]);
  });
}

test("a link to a page leads there after the login", async ({ page }) => {
  await page.goto("/app/owner");
  await expect(page).toHaveURL(/\/app\/login\?to=%2Fapp%2Fowner$/);
  const owner = person("owner");
  await page.getByLabel("E-mail or username").fill(owner.email);
  await page.getByLabel("Password", { exact: true }).fill(owner.password);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/app\/owner$/);
});

test("a page of another role is not shown", async ({ page }) => {
  await logIn(page, person("student"));
  await page.goto("/app/owner");
  await expect(
    page.getByRole("heading", { name: "This page is for others" }),
  ).toBeVisible();
});
