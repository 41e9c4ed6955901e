import { expect, test } from "vitest";
import { read } from "../yaml/read";
import { freeName, removed, renamed } from "./references";
import { shortest } from "./Several";

const SPEC = `domains: {words: {source: x}} # kept
experts: {text: {domain: words}, image: {domain: pictures}}
opd: {hub: text}
w: {text: {image: 2}, image: {text: 3}}
w_schedule: {image: {text: {end: 0, steps: 3}}}
merge: {method: weighted, weights: {text: 2}}
`;

test("what names a domain follows its new name", () => {
  expect(renamed(SPEC, "domains", "words", "letters")).toBe(SPEC.replaceAll("words", "letters"));
});

test("what names an expert follows its new name", () => {
  const text = renamed(SPEC, "experts", "text", "a");
  expect(read(text).data).toEqual({
    domains: { words: { source: "x" } },
    experts: { a: { domain: "words" }, image: { domain: "pictures" } },
    opd: { hub: "a" },
    w: { a: { image: 2 }, image: { a: 3 } },
    w_schedule: { image: { a: { end: 0, steps: 3 } } },
    merge: { method: "weighted", weights: { a: 2 } },
  });
  expect(text).toContain("# kept");
});

test("with an expert the weights of its edges go", () => {
  const { data } = read(removed(SPEC, "experts", "text"));
  expect(data["experts"]).toEqual({ image: { domain: "pictures" } });
  expect([data["w"], data["w_schedule"], data["merge"]]).toEqual([undefined, undefined, { method: "weighted" }]);
});

test("names are free", () => expect(freeName("domain", ["domain", "domain-2"])).toBe("domain-3"));

test("a verifier is written as short as it can be", () => {
  const shape = { kind: "several", tag: "kind", variants: [], words: ["exact"] } as const;
  const write = (parts: Parameters<typeof shortest>[0]) => shortest(parts, { ...shape, variants: [], words: [...shape.words] });
  expect(write([{ kind: "exact" }])).toBe("exact");
  expect(write([{ kind: "regex", pattern: "x" }])).toEqual({ kind: "regex", pattern: "x" });
  expect(write([{ kind: "exact" }, { kind: "exact", weight: 2 }])).toEqual(["exact", { kind: "exact", weight: 2 }]);
});
