import { expect, test } from "vitest";
import { lineAt, locate, placeOf } from "./locate";

const SPEC = `# a comment
name: Try
domains:
  text:
    source: reasoning_gym
    tasks: {spell_backward: {min_word_len: 3}}
tags: [one, "two"]
experts:
  text: {domain: text}
  "image": {domain: pictures} # not there
w:
  text:
    image: -1
`;

const at = (path: string): string => {
  const { from, to } = locate(SPEC, path);
  return `${lineAt(SPEC, from)}: ${SPEC.slice(from, to)}`;
};

test.each([
  ["name", "2: Try"],
  ["domains.text.source", "5: reasoning_gym"],
  ["domains.text.tasks.spell_backward.min_word_len", "6: 3"],
  ["domains.text", "4: text"],
  ["tags.1", '7: "two"'],
  ["experts.image.domain", "10: pictures"],
  ["w.text.image", "13: -1"],
])("%s is found in block and in flow style", (path, place) => expect(at(path)).toBe(place));

test("a field that is not written is shown at the parent that is", () => {
  expect(at("domains.text.max_new_tokens")).toBe("4: text");
  expect(at("experts.text.domain.deeper")).toBe("9: domain");
  expect(at("opd.steps")).toBe("1: # a comment");
});

test("of an unknown field the key is wrong, not the value", () => {
  const { from, to } = placeOf(SPEC, { field: "w.text.image", message: "unknown field; there are name, rounds" });
  expect(SPEC.slice(from, to)).toBe("image");
});

test("text that is no YAML is shown at the line the parser names", () => {
  const broken = "name: a\nrounds: [1\nseed: 0\n";
  const { from, to } = placeOf(broken, { field: "", message: "not valid YAML: line 3, column 1: expected ','" });
  expect(broken.slice(from, to)).toBe("seed: 0");
  expect(placeOf("", { field: "", message: "not valid YAML: line 9, column 1" })).toEqual({ from: 0, to: 0 });
});
