import { expect, test } from "vitest";
import { ApiError } from "../../api/client";
import { fieldError, restOf } from "./fieldErrors";
import { roleChoices } from "./roles";
import { deliveryText } from "./webhookText";

test("nobody is offered a role above their own", () => {
  expect(roleChoices("operator").map(({ value }) => value)).toEqual(["viewer", "operator"]);
  expect(roleChoices("viewer")).toHaveLength(1);
});

test("the server's words for a field stand at the field, everything else above the form", () => {
  const error = new ApiError(422, "the request is wrong", [{ field: "name", message: "is too long" }]);
  expect(fieldError(error, "name")).toBe("is too long");
  expect(fieldError(error, "role")).toBeNull();
  expect(restOf(error, ["name", "role"])).toBeNull();
  expect(restOf(error, ["role"])).toBe(error);
  expect(restOf(new ApiError(409, "the name is taken"), ["name"])).not.toBeNull();
});

test("a delivery says what became of it", () => {
  const none = { status: null, error: null };
  expect(deliveryText({ state: "waiting", tries: 0, ...none })).toBe("waits to be sent");
  expect(deliveryText({ state: "waiting", tries: 2, status: 500, error: null })).toBe("will be tried again; 2 tries so far: answered 500");
  expect(deliveryText({ state: "delivered", tries: 1, status: 204, error: null })).toBe("delivered, answered 204");
  expect(deliveryText({ state: "given_up", tries: 1, status: null, error: "no answer" })).toBe("given up after 1 try: no answer");
});
