import { expect, test } from "vitest";
import { read } from "./read";
import { render, resolve, typedNumber } from "./scalars";

test("values are read as the server reads them", () => {
  const { data, whole } = read(`# a comment
name: "Try \\u00e9" # and another
lr: 1e-4
on: off
seed: 0x10
mode: 010
none: ~
empty:
text: two words,
  on two lines
single: 'it''s'
notes: |
  first
    second

tags: [one, "two", 3]
domains:
  text: {tasks: {spell: {min: 3}}, flag: yes}
list:
  - 1
  # between
  - k: 2
    z: "a: b"
base: &base {a: 1}
same: *base
`);
  expect(whole).toBe(true);
  expect(data).toEqual({
    name: "Try é",
    lr: 1e-4,
    on: false,
    seed: 16,
    mode: 8,
    none: null,
    empty: null,
    text: "two words, on two lines",
    single: "it's",
    notes: "first\n  second\n",
    tags: ["one", "two", 3],
    domains: { text: { tasks: { spell: { min: 3 } }, flag: true } },
    list: [1, { k: 2, z: "a: b" }],
    base: { a: 1 },
    same: { a: 1 },
  });
});

test.each(["name: [1\nrounds: 2", "a: 1\na: 2", "<<: {a: 1}", "- 1", "a: *nowhere", "{a: 1", "a: 1\n---\nb: 2"])("%j cannot be written to", (text) => {
  expect(read(text).whole).toBe(false);
});

test("a text without fields is an empty mapping", () => expect(read("# nothing yet\n")).toEqual({ data: {}, whole: true }));

test.each(["yes", "n", "null", "~", "1e-4", "010", "0x1f", "12", ".5", "a: b", "a #b", " lead", "trail ", "- x", "[a]", "{a", "&a", "!t", "%d", "@x", "`x`", "", "it's", 'say "x"', "line\nbreak", "\u2028", "\x7f", "😀", "2001-01-01", "1:30", "=", "<<", "a,b"])(
  "the text %j survives",
  (text) => {
    expect(read(`k: ${render(text)}\nf: {a: ${render(text)}, b: [${render(text)}]}`).data).toEqual({ k: text, f: { a: text, b: [text] } });
  },
);

test("a number is written as it was typed, where it means the same", () => {
  expect(typedNumber("2e-4")).toEqual({ value: 2e-4, written: "2e-4" });
  expect(typedNumber("0,5")).toEqual({ value: 0.5, written: "0.5" });
  expect(typedNumber("010")).toEqual({ value: 10, written: "10" });
  expect(typedNumber("abc")).toEqual({ value: "abc", written: "abc" });
  expect(typedNumber("yes")).toEqual({ value: "yes", written: '"yes"' });
  expect(resolve(typedNumber("0.").written)).toBe(0);
});
