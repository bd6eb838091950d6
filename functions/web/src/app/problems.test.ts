import { beforeEach, expect, test } from "vitest";
import type { FieldError } from "../api/problem";
import { languageSet, messagesOf } from "./language";
import { fieldText, fieldTextNamed } from "./problems";

const error = (field: string, rule: string, values: Record<string, unknown> = {}): FieldError => ({
  field,
  message: "must be as the server says",
  rule,
  values,
});

beforeEach(async () => {
  await messagesOf("common");
  await messagesOf("rules");
  await languageSet("en");
});

test("a rule is said with its bounds, in both languages", async () => {
  const wrong = error("reason", "line", { least: 1, most: 300 });
  expect(fieldText(wrong)).toBe("Use 1 to 300 characters on one line.");
  await languageSet("hi");
  expect(fieldText(wrong)).toBe("एक ही पंक्ति में 1 से 300 अक्षर लिखें।");
});

test("money, days and other fields are said as the app says them", () => {
  const price = error("token_price_paise", "paise_between", { least: 100, most: 100_000 });
  expect(fieldText(price)).toBe("Enter an amount from ₹1 to ₹1,000.");
  const amount = error("amount_paise", "number_between", { least: 1, most: 10_000_000 });
  expect(fieldText(amount)).toBe("Enter an amount from ₹0.01 to ₹1,00,000.");
  const date = error("date", "dates_between", { first: "2026-01-01", last: "2026-01-31" });
  expect(fieldText(date)).toContain("1 January");
  const again = error("confirm_password", "different", { other: "password" });
  expect(fieldText(again)).toBe("This is not the same as “Password”.");
  expect(fieldTextNamed(error("items[1].quantity", "missing"))).toBe(
    "Quantity: Please fill this in.",
  );
});

test("a rule that is newer than the app is said in the server's words", () => {
  const message = "must be as the server says";
  expect(fieldText(error("name", "of_tomorrow"))).toBe(message);
  expect(fieldText({ field: "name", message })).toBe(message);
});
