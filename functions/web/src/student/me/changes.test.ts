import { expect, it } from "vitest";
import { changes } from "./changes";

it("only what was changed is sent, and what was emptied is removed", () => {
  const before = { full_name: "Asha", room_no: "B-2", phone: "098765 43210", bio: "" };
  expect(changes(before, { ...before })).toEqual({});
  expect(changes(before, { full_name: " Asha ", room_no: " ", phone: "9", bio: "" })).toEqual({
    room_no: null,
    phone: "9",
  });
});
