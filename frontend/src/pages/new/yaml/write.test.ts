import { describe, expect, test } from "vitest";
import { dump } from "./dump";
import { randomOf } from "./random";
import { read } from "./read";
import { render, renderText, type Mapping, type Plain } from "./scalars";
import { removeAt, renameAt, setAt } from "./write";

const SPEC = `# a comment
name: Try # the name

domains:
  text: # of words
    source: reasoning_gym
    tasks: {spell_backward: {min_word_len: 3, max_word_len: 8}} # short ones
  image: {source: digit_images}
notes: |
  two
  lines
tags:
  - one # first
  - two
rounds: 3`;

const changed = (before: string, after: string): [string, string] => {
  const a = before.split("\n");
  const b = after.split("\n");
  return [a.filter((line) => !b.includes(line)).join("|"), b.filter((line) => !a.includes(line)).join("|")];
};

describe("a value is changed where it stands", () => {
  test.each<[string, Plain, string, string]>([
    ["name", "Other", "name: Try # the name", "name: Other # the name"],
    ["rounds", 8, "rounds: 3", "rounds: 8"],
    ["domains.text.tasks.spell_backward.max_word_len", 5, "", "max_word_len: 5"],
    ["domains.text.source", "dataset", "    source: reasoning_gym", "    source: dataset"],
    ["domains.image.max_new_tokens", 4, "", "image: {source: digit_images, max_new_tokens: 4}"],
    ["domains.text.max_new_tokens", 4, "", "    max_new_tokens: 4"],
    ["tags.0", "uno", "  - one # first", "  - uno # first"],
    ["tags", ["one", "two", "three"], "", "  - three"],
    ["tags", ["one"], "  - two", ""],
    ["notes", "one line", "notes: |", 'notes: one line'],
    ["opd.adaptive.floor", 0.5, "", "opd: {adaptive: {floor: 0.5}}"],
    ["name.deeper", 1, "name: Try # the name", "name: {deeper: 1} # the name"],
  ])("%s = %j", (path, value, gone, come) => {
    const after = setAt(SPEC, path.split("."), value);
    const [lost, won] = changed(SPEC, after);
    expect(lost).toContain(gone);
    expect(won).toContain(come);
  });
});

test("a new field goes where the schema has it", () => {
  const order = ["name", "seed", "domains", "experts", "rounds", "opd"];
  const orderOf = (path: readonly string[]) => (path.length ? [] : order);
  const lines = (path: string) => setAt(SPEC, [path], 1, orderOf).split("\n");
  expect(lines("seed").slice(1, 3)).toEqual(["name: Try # the name", "seed: 1"]);
  expect(lines("experts").slice(7, 9)).toEqual(["  image: {source: digit_images}", "experts: 1"]);
  expect(lines("opd").slice(-2)).toEqual(["rounds: 3", "opd: 1"]);
  expect(setAt("rounds: 3\n", ["name"], "x", orderOf)).toBe("name: x\nrounds: 3\n");
  expect(setAt("", ["opd", "steps"], 3)).toBe("opd: {steps: 3}\n");
  expect(setAt("opd:\n", ["opd", "steps"], 3)).toBe("opd: {steps: 3}\n");
});

test("a field is taken out with its line", () => {
  expect(removeAt(SPEC, ["name"])).toBe(SPEC.replace("name: Try # the name\n", ""));
  expect(removeAt(SPEC, ["rounds"])).toBe(SPEC.replace("\nrounds: 3", ""));
  expect(removeAt(SPEC, ["domains", "image", "source"])).toContain("  image: {}");
  expect(removeAt(SPEC, ["domains", "text", "tasks", "spell_backward", "min_word_len"])).toContain("{max_word_len: 8}");
  expect(removeAt("a:\n  b: 1\n", ["a", "b"])).toBe("a: {}\n");
  expect(removeAt(SPEC, ["nowhere", "at", "all"])).toBe(SPEC);
});

test("an anchor stays with its new value, and an alias becomes a value of its own", () => {
  const text = "a: &x # why\n  - 1\n  - 2\nb: *x\nc: *x\n";
  expect(setAt(text, ["a"], "one")).toBe("a: &x one\nb: *x\nc: *x\n");
  expect(setAt(text, ["b"], [3])).toBe(text.replace("b: *x", "b: [3]"));
});

test("a key is renamed where it stands", () => {
  expect(renameAt(SPEC, ["domains", "image"], "pictures")).toBe(SPEC.replace("  image:", "  pictures:"));
});

test("what is dumped reads the same", () => {
  const data: Mapping = { name: "a: b", tags: [], domains: { text: { source: "x", tasks: { a: { long: "y".repeat(90) } } } }, w: { a: { b: 1e-7 } }, none: null };
  expect(read(dump(data)).data).toEqual(data);
});

const WORDS = ["text", "image", "n", "yes", "two words", "a: b", "it's", "x#y", "12", "null", "", "émile", "a\nb", "[x", "- y", "1e-4"];
const KEYS = ["a", "bb", "c_d", "e-f", "on", "g h"];

/** Documents with comments and in every style that specs are written in. */
class Writer {
  readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.random() * from.length)]!;
  }

  scalar(): Plain {
    return this.pick<Plain>([...WORDS, true, false, null, 0, -3, 0.25, 1e-7, 123456]);
  }

  value(depth: number): Plain {
    const kind = this.random();
    if (depth === 0 || kind < 0.45) return this.scalar();
    if (kind < 0.8) return this.mapping(depth - 1);
    return Array.from({ length: Math.floor(this.random() * 4) }, () => this.value(depth - 1));
  }

  mapping(depth: number): Mapping {
    const keys = KEYS.filter(() => this.random() < 0.6);
    return Object.fromEntries(keys.map((key) => [key, this.value(depth)]));
  }

  comment(): string {
    return this.random() < 0.4 ? ` # note ${Math.floor(this.random() * 1e6)}` : "";
  }

  /** The value after `key:` or `-`, its line break included. */
  text(value: Plain, indent: string): string {
    const isBlock = this.random() < 0.7;
    if (isBlock && Array.isArray(value) && value.length) return `${this.comment()}\n${value.map((inner) => `${indent}-${this.text(inner, `${indent}  `)}`).join("")}`;
    if (isBlock && value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length) return `${this.comment()}\n${this.block(value, indent)}`;
    if (typeof value === "string" && value && this.random() < 0.3 && !value.includes("\n")) return ` '${value.replaceAll("'", "''")}'${this.comment()}\n`;
    return ` ${render(value)}${this.comment()}\n`;
  }

  block(mapping: Mapping, indent = ""): string {
    return Object.entries(mapping)
      .map(([key, value]) => {
        const above = this.random() < 0.2 ? `${indent}# above ${Math.floor(this.random() * 1e6)}\n` : "";
        return `${above}${indent}${renderText(key)}:${this.text(value, `${indent}  `)}`;
      })
      .join("");
  }

  /** A path that is there, or ends in one new key. */
  path(data: Mapping): string[] {
    const path: string[] = [];
    let node: Plain = data;
    while (node !== null && typeof node === "object") {
      const names: string[] = Array.isArray(node) ? node.map((_, i) => String(i)) : Object.keys(node);
      if (!Array.isArray(node) && this.random() < 0.25) return [...path, this.pick(KEYS)];
      if (!names.length || (path.length && this.random() < 0.25)) break;
      const name: string = this.pick(names);
      path.push(name);
      node = (node as Mapping)[name]!;
    }
    return path.length ? path : [this.pick(KEYS)];
  }
}

function assign(data: Mapping, path: readonly string[], value: Plain | undefined): Mapping {
  const copy = structuredClone(data);
  let node = copy;
  for (const name of path.slice(0, -1)) node = node[name] as Mapping;
  const last = path.at(-1)!;
  if (value !== undefined) node[last] = value;
  else if (Array.isArray(node)) node.splice(Number(last), 1);
  else delete node[last];
  return copy;
}

const comments = (text: string): string[] => text.match(/# (note|above) \d+/g) ?? [];
const isScalar = (value: Plain | undefined): boolean => value === undefined || value === null || typeof value !== "object";
const at = (data: Mapping, path: readonly string[]): Plain | undefined => path.reduce<Plain | undefined>((node, name) => (node as Mapping | undefined)?.[name], data);

test("whatever is edited in whatever style, the text then means what was meant, and scalars cost no comment", () => {
  for (let seed = 0; seed < 250; seed += 1) {
    const writer = new Writer(randomOf(seed));
    let data = writer.mapping(3);
    let text = writer.block(data);
    expect(read(text), `seed ${seed}: ${text}`).toEqual({ data, whole: true });
    for (let edit = 0; edit < 4; edit += 1) {
      const path = writer.path(data);
      const before = at(data, path);
      const value = before !== undefined && writer.random() < 0.25 ? undefined : writer.value(2);
      const after = value === undefined ? removeAt(text, path) : setAt(text, path, value);
      const expected = assign(data, path, value);
      expect(read(after), `seed ${seed}, ${path.join(".")} = ${JSON.stringify(value)} in\n${text}\nbecame\n${after}`).toEqual({ data: expected, whole: true });
      if (value !== undefined) {
        if (isScalar(before) && !(typeof before === "string" && before.includes("\n"))) expect(comments(after), `seed ${seed}: ${text}`).toEqual(comments(text));
        const kept = Object.keys(data);
        expect(Object.keys(read(after).data).filter((key) => kept.includes(key))).toEqual(kept);
      }
      [data, text] = [expected, after];
    }
  }
}, 60_000);
