import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Problem, type FieldError } from "../api/problem";
import { messagesOf } from "../app/language";
import { Button } from "./button";
import { Field, Form, useForm } from "./form";

let submit: (values: { name: string; pin: string }) => Promise<void>;

function Example() {
  const form = useForm({
    name: "example",
    initial: { name: "", pin: "" },
    secret: ["pin"],
    required: ["name"],
    submit: async (values) => {
      await submit(values);
      form.reset();
    },
  });
  return (
    <Form state={form}>
      <Field name="name" label="Name" />
      <Field name="pin" label="PIN" type="password" />
      <Button type="submit">{form.busy.value ? "…" : "Send"}</Button>
    </Form>
  );
}

let root: HTMLElement;

function show(): void {
  root = document.createElement("div");
  document.body.append(root);
  render(<Example />, root);
}

const input = (name: string): HTMLInputElement => {
  const found = root.querySelector<HTMLInputElement>(`input[name=${name}]`);
  if (!found) throw new Error(`there is no ${name}`);
  return found;
};

async function type(name: string, value: string): Promise<void> {
  await act(() => {
    input(name).value = value;
    input(name).dispatchEvent(new Event("input", { bubbles: true }));
  });
}

const send = () =>
  act(async () => {
    root.querySelector("form")?.dispatchEvent(new Event("submit", { cancelable: true }));
    await new Promise((done) => setTimeout(done));
  });

beforeAll(async () => {
  await messagesOf("common");
  await messagesOf("rules");
});
beforeEach(() => {
  sessionStorage.clear();
  submit = () => Promise.resolve();
  show();
});
afterEach(() => {
  render(null, root);
  root.remove();
});

test("a draft survives a reload, without what is secret", async () => {
  await type("name", "Asha");
  await type("pin", "4711");
  expect(JSON.stringify({ ...sessionStorage })).not.toContain("4711");
  render(null, root);
  show();
  expect([input("name").value, input("pin").value]).toEqual(["Asha", ""]);
});

test("a draft is gone once it was sent", async () => {
  await type("name", "Asha");
  await send();
  expect(sessionStorage.length).toBe(0);
  expect(input("name").value).toBe("");
});

test("a refused form marks its fields and keeps what was typed", async () => {
  submit = () =>
    Promise.reject(
      new Problem("invalid_fields", 422, {
        fields: new Map([["name", { field: "name", message: "must be a name" }]]),
      }),
    );
  await type("name", "!");
  await send();
  expect(input("name").getAttribute("aria-invalid")).toBe("true");
  expect(input("name").value).toBe("!");
  expect(root.querySelector("[role=alert]")?.textContent).toContain("marked fields");
  await type("name", "Asha");
  expect(input("name").getAttribute("aria-invalid")).toBeNull();
});

test("a wrong field is told in the app's words, also where no input marks it", async () => {
  const fields = new Map<string, FieldError>([
    ["name", { field: "name", message: "…", rule: "line", values: { least: 1, most: 100 } }],
    ["roll_no", { field: "roll_no", message: "is strange", rule: "not_known" }],
  ]);
  submit = () => Promise.reject(new Problem("invalid_fields", 422, { fields }));
  await type("name", "Asha");
  await send();
  expect(root.querySelector(".field-error")?.textContent).toBe(
    "Use 1 to 100 characters on one line.",
  );
  const alert = root.querySelector("[role=alert]")?.textContent;
  expect(alert).toContain("marked fields");
  expect(alert).toContain("Roll number: is strange");
});

test("a required field that is empty is told without a request", async () => {
  let sent = 0;
  submit = () => {
    sent += 1;
    return Promise.resolve();
  };
  await send();
  expect(sent).toBe(0);
  expect(input("name").getAttribute("aria-invalid")).toBe("true");
});

test("a second tap while the first is under way sends nothing", async () => {
  let sent = 0;
  let done = (): void => undefined;
  submit = () => {
    sent += 1;
    return new Promise((finish) => {
      done = finish;
    });
  };
  await type("name", "Asha");
  await send();
  await send();
  expect(sent).toBe(1);
  await act(() => done());
});
