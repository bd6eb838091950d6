import { beforeEach, expect, test, vi } from "vitest";
import { answer, api } from "./client";
import { onceFor } from "./once";
import { Problem } from "./problem";

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
});

async function problemOf(call: Promise<unknown>): Promise<Problem> {
  const caught: unknown = await call.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(caught instanceof Problem)) throw new Error(`not a problem: ${String(caught)}`);
  return caught;
}

test("a refusal becomes a problem with its code, fields and details", async () => {
  const body = {
    type: "urn:x",
    title: "Conflict",
    status: 409,
    detail: "The code is wrong.",
    code: "otp_invalid",
    request_id: "req-1",
    attempts_left: 2,
    errors: [{ field: "otp", message: "must be six digits", rule: "code_digits" }],
  };
  vi.stubGlobal("fetch", async () =>
    Response.json(body, { status: 409, headers: { "retry-after": "30" } }),
  );
  const problem = await problemOf(answer(api.POST("/login", { body: { password: "x" } })));
  expect(problem).toMatchObject({
    code: "otp_invalid",
    status: 409,
    requestId: "req-1",
    retryAfterS: 30,
    details: { attempts_left: 2 },
  });
  expect([...problem.fields]).toEqual([["otp", body.errors[0]]]);
});

test("an answer that is not the API's has a code of its own", async () => {
  vi.stubGlobal("fetch", async () => new Response("<html>", { status: 500 }));
  expect((await problemOf(answer(api.GET("/health")))).code).toBe("unknown");
});

test("only what is safe to repeat is sent again when the network breaks", async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 500 });
  let sent = 0;
  vi.stubGlobal("fetch", async () => {
    sent += 1;
    throw new TypeError("network");
  });
  const body = { items: [{ sku: "idli", quantity: 1 }] };
  expect((await problemOf(answer(api.GET("/health")))).code).toBe("network");
  expect(sent).toBe(3);
  sent = 0;
  expect((await problemOf(answer(api.POST("/api/orders", { body })))).code).toBe("lost_unknown");
  expect(sent).toBe(1);
  sent = 0;
  const { sent: key } = onceFor("order", body);
  const lost = await problemOf(answer(api.POST("/api/orders", { body, ...key })));
  expect([lost.code, sent]).toEqual(["lost", 3]);
  vi.useRealTimers();
});

test("a server that is busy for a moment is asked again", async () => {
  const answers = [new Response(null, { status: 503, headers: { "retry-after": "0" } })];
  vi.stubGlobal("fetch", async () => answers.shift() ?? Response.json({ status: "ok" }));
  expect(await answer(api.GET("/health"))).toMatchObject({ status: "ok" });
});

test("an idempotency key stays for the same request and ends with it", () => {
  const order = { items: [{ sku: "idli", quantity: 1 }] };
  const header = (asked: unknown) => onceFor("order", asked).sent.params.header["Idempotency-Key"];
  const first = header(order);
  expect(header(order)).toBe(first);
  expect(header({ items: [] })).not.toBe(first);
  const again = header(order);
  onceFor("order", order).done();
  expect(header(order)).not.toBe(again);
});
