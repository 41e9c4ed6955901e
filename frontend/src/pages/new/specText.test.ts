import { expect, test } from "vitest";
import fixture from "./fixtures/spec.json";
import { fieldsOf, type Schema } from "./form/shape";
import { submittedText, withEdits } from "./specText";
import { read } from "./yaml/read";

const fields = fieldsOf(fixture.schema as unknown as Schema);
const written = "# mine\nname: x\nw: {a: {b: 1}} # edge\n";

test("a text that a person wrote is taken as it is; JSON and recipes become YAML", () => {
  expect(submittedText({ source: written, spec: {} }, fields)).toBe(written);
  const spec = { name: "x", rounds: 2, notes: "" };
  for (const source of [JSON.stringify(spec), JSON.stringify({ spec, edits: [] }), "spec: {name: x}\nedits: []\n"]) expect(submittedText({ source, spec }, fields)).toBe("name: x\nrounds: 2\n");
});

test("edits are put into the text, the last one holds, comments stay", () => {
  const text = withEdits(written, [{ path: "w.a.b", value: 0.5 }, { path: "w.a.b", value: 0.3 }, { path: "w_schedule.a.b.end", value: 2 }], fields);
  expect(text).toContain("# mine\nname: x\nw: {a: {b: 0.3}} # edge\n");
  expect(read(text).data["w_schedule"]).toEqual({ a: { b: { end: 2 } } });
});
