import { expect, test } from "vitest";
import fixture from "../fixtures/spec.json";
import { read } from "../yaml/read";
import { dump } from "../yaml/dump";
import type { Mapping, Plain } from "../yaml/scalars";
import { withField, withoutField } from "./edits";
import { at, fieldsAt, fieldsOf, isMapping, withoutDefaults, type Field, type Schema, type Shape } from "./shape";

const fields = fieldsOf(fixture.schema as unknown as Schema);
const shipped = Object.entries(fixture.shipped as unknown as Record<string, { source: string; data: Mapping }>);

function find(path: string, data: Plain = {}): Field {
  const names = path.split(".");
  return fieldsAt(fields, names.slice(0, -1), data).find((field) => field.name === names.at(-1))!;
}

test("the real schema has no field that the form knows only as anything", () => {
  const free: string[] = [];
  const look = (shape: Shape, path: string): void => {
    if (shape.kind === "free") free.push(path);
    if (shape.kind === "part") for (const field of shape.fields) look(field.shape, `${path}.${field.name}`);
    if (shape.kind === "variants" || shape.kind === "several") for (const variant of shape.variants) look({ kind: "part", help: "", fields: variant.fields }, `${path}.${variant.name}`);
    if (shape.kind === "named" || shape.kind === "list") look(shape.item, `${path}.*`);
  };
  look({ kind: "part", help: "", fields }, "");
  expect(free).toEqual([".domains.*.reasoning_gym.tasks.*.*"]);
});

test.each<[string, Partial<Field>]>([
  ["name", { required: true, shape: { kind: "text", long: false, maxLength: 120 } }],
  ["notes", { shape: { kind: "text", long: true, maxLength: 20_000 } }],
  ["rounds", { edit: "structure", fallback: 6, shape: { kind: "number", whole: true, range: "1 to 10,000" } }],
  ["optimizer.eps", { edit: null, shape: { kind: "number", whole: false, range: "above 0" } }],
  ["optimizer.beta1", { shape: { kind: "number", whole: false, range: "at least 0 and below 1" } }],
  ["rlvr.loss", { fallback: "grpo", shape: { kind: "choice", options: ["grpo", "dr_grpo", "dapo", "gspo"] } }],
  ["opd.tail", { optional: true, fallback: undefined }],
  ["opd.gate", { optional: true, shape: { kind: "list", item: { kind: "number", whole: false, range: "" } } }],
  ["tags", { shape: { kind: "list", item: { kind: "text", long: false, maxLength: 40 } } }],
  ["model.lora.targets", { shape: { kind: "wordOrList", word: "all-linear" } }],
  ["compute.gradient_checkpointing", { fallback: false, shape: { kind: "switch" } }],
])("%s is what the schema says", (path, wanted) => expect(find(path)).toMatchObject(wanted));

test("optional parts, unions and verifiers are known", () => {
  expect(find("model.lora")).toMatchObject({ optional: true, shape: { kind: "part" } });
  expect(find("opd.adaptive").optional).toBe(true);
  const { shape } = find("domains");
  expect(shape.kind === "named" && shape.item.kind === "variants" && [shape.item.tag, ...shape.item.variants.map((variant) => variant.name)]).toEqual(["source", "dataset", "digit_images", "digit_videos", "reasoning_gym"]);
  expect(find("domains.text.verifier", { domains: { text: { source: "dataset" } } }).shape).toMatchObject({ kind: "several", tag: "kind", words: ["exact", "numeric", "math", "choice", "format", "reasoning_gym"] });
  expect(fieldsAt(fields, ["domains", "x"], { domains: { x: { source: "digit_images" } } }).map((field) => field.name)).toEqual(["max_new_tokens"]);
});

test.each(shipped)("%s is read as the server reads it", (_, { source, data }) => expect(read(source)).toEqual({ data, whole: true }));

test.each(shipped)("every value of %s can be set in place and taken out again", (_, { source, data }) => {
  const walk = (value: Plain, path: string[]): void => {
    if (isMapping(value) && Object.keys(value).length) return Object.entries(value).forEach(([name, inner]) => walk(inner, [...path, name]));
    const other = typeof value === "number" ? value + 1 : "other";
    const set = withField(source, fields, path, other);
    expect(at(read(set).data, path)).toEqual(other);
    if (!Array.isArray(value)) expect(set.split("#").length).toBe(source.split("#").length);
    if (!Array.isArray(value)) expect(read(withField(set, fields, path, value)).data).toEqual(data);
    expect(at(read(withoutField(source, fields, path)).data, path)).toBeUndefined();
  };
  walk(data, []);
});

test("a part that says nothing goes with its last field; what people named or switched on stays", () => {
  expect(withoutField("opd: {steps: 3}\nrounds: 1\n", fields, ["opd", "steps"])).toBe("rounds: 1\n");
  expect(withoutField("w:\n  a: {b: 1}\nrounds: 1\n", fields, ["w", "a", "b"])).toBe("rounds: 1\n");
  expect(withoutField("model: {lora: {rank: 3}}\n", fields, ["model", "lora", "rank"])).toBe("model: {lora: {}}\n");
  expect(withoutField("domains: {a: {source: digit_images, max_new_tokens: 3}}\n", fields, ["domains", "a", "max_new_tokens"])).toBe("domains: {a: {source: digit_images}}\n");
});

test("a new field goes to its place in the schema", () => {
  expect(withField("name: x\nrounds: 3\n", fields, ["model", "dtype"], "bfloat16")).toBe("name: x\nmodel: {dtype: bfloat16}\nrounds: 3\n");
  expect(withField("rlvr: {steps: 3, loss: dapo}\n", fields, ["rlvr", "group"], 4)).toBe("rlvr: {steps: 3, group: 4, loss: dapo}\n");
});

test("a full spec is written without what is as it is by default", () => {
  const full = { name: "x", notes: "", tags: [], rounds: 6, model: { path: "tiny", dtype: "float32", lora: { rank: 4, alpha: 32, targets: "all-linear" } }, domains: { a: { source: "digit_images", max_new_tokens: 8 } }, experts: { a: { domain: "a" } }, opd: { steps: 3, hub: null } };
  expect(read(dump(withoutDefaults(fields, full))).data).toEqual({ name: "x", model: { lora: { rank: 4 } }, domains: { a: { source: "digit_images" } }, experts: { a: { domain: "a" } }, opd: { steps: 3 } });
});
