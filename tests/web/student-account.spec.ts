// The student's home, the payment for a month, the profile and the code.
import { expect, test, type Page } from "@playwright/test";
import { asOwner, call } from "./support/api.js";
import {
  checkAccessibility,
  endSession,
  logInQuickly,
  loseAnswer,
  openAs,
  watchErrors,
} from "./support/browser.js";
import { buyTokens, newStudent } from "./support/people.js";
import { dayAhead } from "./support/student.js";

/** A picture: what is on the page, as a phone makes a screenshot of a payment. */
const picture = async (page: Page) => ({
  name: "payment.png",
  mimeType: "image/png",
  buffer: await page.screenshot(),
});

test("the code fills the screen on a tap, and gives it back", async ({
  page,
}) => {
  const errors = watchErrors(page);
  await openAs(page, await newStudent("Asha Rao"), "/app/student");
  await page.getByRole("button", { name: "Show it larger" }).click();
  const full = page.getByRole("dialog", { name: "My code" });
  await expect(
    full.getByRole("img", { name: "QR code of Asha Rao" }),
  ).toBeVisible();
  await expect(full).toHaveCSS("background-color", "rgb(255, 255, 255)");
  await checkAccessibility(page);
  await page.keyboard.press("Escape");
  await expect(full).toBeHidden();
  await expect(
    page.getByRole("button", { name: "Show it larger" }),
  ).toBeFocused();
  expect(errors).toEqual([]);
});

test("a network that hangs does not keep the code from the counter", async ({
  page,
}) => {
  const student = await newStudent("Asha Rao");
  await openAs(page, student, "/app/student");
  let release = (): void => undefined;
  const hangs = new Promise<void>((done) => {
    release = done;
  });
  await page.route(/\/(?:api|student)\//, async (route) => {
    await hangs;
    await route.continue();
  });
  await page.goto("/app/student");
  await expect(
    page.getByRole("img", { name: "QR code of Asha Rao" }),
  ).toBeVisible({
    timeout: 6_000,
  });
  release();
  await expect(
    page.getByRole("heading", { name: "Hello Asha Rao" }),
  ).toBeVisible();
  await expect(
    page.getByText("Hold it up to the camera at the counter."),
  ).toBeVisible();
});

test("a student pays for a month, and the office accepts it", async ({
  page,
}) => {
  const errors = watchErrors(page);
  const student = await newStudent();
  await logInQuickly(page, student);
  await page.goto("/app/student/cycles");
  await expect(page.getByText("You have paid for no days yet.")).toBeVisible();
  await page.goto("/app/student/cycles/pay");
  await page.getByRole("button", { name: "Send to the mess office" }).click();
  await expect(page.getByText("Add a picture of the payment.")).toBeVisible();
  await expect(page.getByLabel("Amount paid, in rupees")).toBeFocused();
  await page.getByLabel("First day").fill(dayAhead(0));
  await page.getByLabel("Last day").fill(dayAhead(29));
  await page.getByLabel("Amount paid, in rupees").fill("3,500.50");
  await page
    .locator('input[type="file"]')
    .last()
    .setInputFiles(await picture(page));
  await expect(page.getByAltText("Your picture of the payment")).toBeVisible();
  await checkAccessibility(page);
  await page.reload();
  await expect(page.getByAltText("Your picture of the payment")).toBeVisible();
  await expect(page.getByLabel("Amount paid, in rupees")).toHaveValue(
    "3,500.50",
  );
  await page.getByRole("button", { name: "Send to the mess office" }).click();
  const list = page.getByRole("list", { name: "Monthly payments" });
  await expect(list).toContainText("Being checked");
  await expect(list).toContainText("₹3,500.50");

  const mine = await call<{ items: { payment_id: string }[] }>(
    "GET",
    "/api/v1/payments",
    student.token,
  );
  const payment = mine.items[0]?.payment_id ?? "";
  await asOwner("POST", `/api/v1/payments/${payment}/verify`, {});
  await page.reload();
  await expect(list).toContainText("Accepted");
  await page.getByRole("link", { name: "Statement" }).click();
  await expect(page.getByRole("row")).toHaveCount(31);
  await checkAccessibility(page);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download as a table (CSV)" }).click();
  expect((await download).suggestedFilename()).toBe(`${payment}.csv`);
  await page.goto("/app/student");
  await expect(page.getByText("30 days left, today included.")).toBeVisible();
  expect(errors).toEqual([]);
});

test("an upload that breaks goes on where it stopped", async ({ page }) => {
  const student = await newStudent();
  await logInQuickly(page, student);
  await page.goto("/app/student/cycles/pay");
  await page.getByLabel("Amount paid, in rupees").fill("3500");
  await page
    .locator('input[type="file"]')
    .last()
    .setInputFiles(await picture(page));
  await expect(page.getByAltText("Your picture of the payment")).toBeVisible();
  await page.route("**/screenshots/**", (route) => route.abort(), { times: 1 });
  const send = page.getByRole("button", { name: "Send to the mess office" });
  await send.click();
  await expect(page.getByRole("alert")).toContainText("cannot be reached");
  // The picture arrives, and then the answer about the payment is lost.
  await loseAnswer(page, "**/api/v1/payments/upload");
  await send.click();
  await expect(
    page.getByRole("list", { name: "Monthly payments" }),
  ).toContainText("₹3,500");
  const mine = await call<{ items: unknown[] }>(
    "GET",
    "/api/v1/payments",
    student.token,
  );
  expect(mine.items).toHaveLength(1);
});

test("a student sets a PIN and redeems with it", async ({ page }) => {
  const student = await newStudent();
  await buyTokens(student, 2);
  await logInQuickly(page, student);
  await page.goto("/app/student/me/pin");
  await page.getByLabel("New PIN").fill("47x1");
  await page.getByLabel("Your password").fill(student.password);
  await page.getByRole("button", { name: "Save the PIN" }).click();
  await expect(page.getByText("4 to 8 digits, please.")).toBeVisible();
  await page.getByLabel("New PIN").fill("471108");
  await page.getByRole("button", { name: "Save the PIN" }).click();
  await expect(page.getByRole("link", { name: "Change my PIN" })).toBeVisible();
  await page.goto("/app/student/tokens/redeem");
  await page.getByLabel("Your PIN").fill("471108");
  await page.getByRole("button", { name: "Redeem 1 token" }).click();
  await expect(page.getByText("token redeemed")).toBeVisible();
});

test("a student changes details and picture", async ({ page }) => {
  const errors = watchErrors(page);
  await logInQuickly(page, await newStudent());
  await page.goto("/app/student/me/edit");
  await page.getByLabel("Full name").fill("Meera Iyer-Krishnan");
  await page.getByLabel("Phone").fill("12");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByLabel("Phone")).toHaveAttribute(
    "aria-invalid",
    "true",
  );
  await page.getByLabel("Phone").fill("98765 43210");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("098765 43210")).toBeVisible();
  await page.getByRole("button", { name: "Add a picture" }).click();
  const dialog = page.getByRole("dialog", { name: "My picture" });
  await dialog
    .locator('input[type="file"]')
    .last()
    .setInputFiles(await picture(page));
  await checkAccessibility(page);
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByAltText("Picture of Meera Iyer-Krishnan")).toBeVisible(
    {
      timeout: 40_000,
    },
  );
  expect(errors).toEqual([]);
});

test("a session that ends in the middle of a form loses nothing typed", async ({
  page,
}) => {
  const student = await newStudent();
  await logInQuickly(page, student);
  await page.goto("/app/student/me/edit");
  await page.getByLabel("Full name").fill("Meera Married");
  await endSession(page, "**/student/profile");
  await page.getByRole("button", { name: "Save" }).click();
  const dialog = page.getByRole("dialog", { name: "Please log in again" });
  await dialog.getByLabel("Password", { exact: true }).fill(student.password);
  await dialog.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByText("Meera Married")).toBeVisible();
});

test("a new code replaces the one of a lost phone", async ({ page }) => {
  const student = await newStudent();
  const path = "/api/v1/students/me/qr";
  const before = await call<{ qr_data: string }>("GET", path, student.token);
  await logInQuickly(page, student);
  await page.goto("/app/student/me/code");
  await page.getByRole("button", { name: "Get a new code" }).click();
  const dialog = page.getByRole("dialog", { name: "Replace your code?" });
  await checkAccessibility(page);
  await dialog.getByRole("button", { name: "Get a new code" }).click();
  await expect(page.getByText("The old one is dead.")).toBeVisible();
  const after = await call<{ qr_data: string }>("GET", path, student.token);
  expect(after.qr_data).not.toBe(before.qr_data);
});
