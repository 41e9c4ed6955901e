import { describe, expect, it } from "vitest";
import { curlCommand, quoted } from "./curl";

const ORIGIN = "http://127.0.0.1:8765";

describe("an action as curl", () => {
  it("asks for the token when it runs, and says the verb only where it is not GET", () => {
    expect(curlCommand(ORIGIN, { method: "GET", path: "/api/v1/runs?limit=2&q=a" })).toBe(
      `curl 'http://127.0.0.1:8765/api/v1/runs?limit=2&q=a' \\\n  -H "Authorization: Bearer $(copd token)"`,
    );
    expect(curlCommand(ORIGIN, { method: "POST", path: "/api/v1/runs/r1/pause" })).toMatch(/^curl -X POST '/);
  });

  it("sends an object as JSON with the headers given", () => {
    const command = curlCommand(ORIGIN, { method: "PATCH", path: "/c", body: { set: { "w.a.b": 0.3 } }, headers: { "If-Match": '"7"' } });
    expect(command.split(" \\\n  ").slice(2)).toEqual([`-H 'Content-Type: application/json'`, `-H 'If-Match: "7"'`, `--data-raw '{"set":{"w.a.b":0.3}}'`]);
  });

  it("sends a text as it is", () => {
    const command = curlCommand(ORIGIN, { method: "POST", path: "/runs", body: "name: a\nseed: 1\n" });
    expect(command).toContain("-H 'Content-Type: application/yaml'");
    expect(command).toContain("--data-raw 'name: a\nseed: 1\n'");
  });

  it("lets nothing of a name out of its quotes", () => {
    expect(quoted("it's $(rm) `x` \\")).toBe("'it'\\''s $(rm) `x` \\'");
  });
});
