/** What differs between two specs: field by field as people speak of it, and line by line as they are written. Pure. */
import { isEqual, isMapping } from "./form/shape";
import type { Plain } from "./yaml/scalars";

export interface Change {
  path: string;
  /** undefined: not written, so as it is by default. */
  from: Plain | undefined;
  to: Plain | undefined;
}

export function changesOf(before: Plain | undefined, after: Plain | undefined, path: readonly string[] = []): Change[] {
  if (isEqual(before, after)) return [];
  const parts = [before, after].filter((side) => side !== undefined);
  if (!parts.every(isMapping) || (path.length && parts.some((part) => !Object.keys(part).length))) return [{ path: path.join("."), from: before, to: after }];
  const keys = new Set(parts.flatMap((part) => Object.keys(part)));
  const inside = (side: Plain | undefined, key: string): Plain | undefined => (isMapping(side) && Object.hasOwn(side, key) ? side[key] : undefined);
  return [...keys].flatMap((key) => changesOf(inside(before, key), inside(after, key), [...path, key]));
}

export interface Line {
  kind: "same" | "gone" | "new";
  text: string;
}

const MOST = 4_000_000;

/** The lines of both texts, each once where they agree: the longest common subsequence. */
export function linesOf(before: string, after: string): Line[] {
  const [a, b] = [before.split("\n"), after.split("\n")];
  if (a.length * b.length > MOST) return [...a.map((text): Line => ({ kind: "gone", text })), ...b.map((text): Line => ({ kind: "new", text }))];
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      longest[i * width + j] = a[i] === b[j] ? longest[(i + 1) * width + j + 1]! + 1 : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!);
    }
  }
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: "same", text: a[i]! });
      [i, j] = [i + 1, j + 1];
    } else if (j >= b.length || (i < a.length && longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!)) lines.push({ kind: "gone", text: a[i++]! });
    else lines.push({ kind: "new", text: b[j++]! });
  }
  return lines;
}

/** Only the lines that differ, with `around` lines on either side; null marks what is left out. */
export function excerpt(lines: readonly Line[], around = 2): (Line | null)[] {
  const near = lines.map((_, at) => lines.slice(Math.max(0, at - around), at + around + 1).some((line) => line.kind !== "same"));
  const shown: (Line | null)[] = [];
  for (const [at, line] of lines.entries()) {
    if (near[at]) shown.push(line);
    else if (shown.at(-1) !== null) shown.push(null);
  }
  return shown;
}
