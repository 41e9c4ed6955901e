/** YAML text as plain values, by the same tree that colours it in the editor. Good enough for specs; the server has the last word. */
import type { SyntaxNode } from "@lezer/common";
import { parser } from "@lezer/yaml";
import { resolve, type Mapping, type Plain } from "./scalars";

export interface Reading {
  data: Mapping;
  /** Whether all of it could be read, so that it can be written to as well. */
  whole: boolean;
}

const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r", "0": "\0", a: "\x07", b: "\b", e: "\x1b", f: "\f", v: "\v", N: "\x85", _: "\xa0", L: "\u2028", P: "\u2029" };
const VALUES = new Set(["Literal", "QuotedLiteral", "BlockLiteral", "FlowMapping", "BlockMapping", "FlowSequence", "BlockSequence", "Anchored", "Tagged", "Alias"]);

class Unreadable extends Error {}

export function isValue(node: SyntaxNode): boolean {
  return VALUES.has(node.name);
}

/** The collection or scalar that a document consists of; null where there is none. */
export function rootOf(source: string): SyntaxNode | null {
  const document = parser.parse(source).topNode.getChild("Document");
  return children(document).find(isValue) ?? null;
}

export function children(node: SyntaxNode | null): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node?.firstChild ?? null; child; child = child.nextSibling) found.push(child);
  return found;
}

/** The value of a pair or of a list's item; null for `key:` alone. */
export function valueOf(node: SyntaxNode): SyntaxNode | null {
  return children(node).findLast(isValue) ?? null;
}

export function keyOf(source: string, pair: SyntaxNode): string {
  const key = pair.getChild("Key");
  const scalar = key?.firstChild;
  if (!key || !scalar) return "";
  if (scalar.name === "QuotedLiteral") return quoted(source.slice(scalar.from, scalar.to));
  return source.slice(key.from, key.to);
}

/** The text's mapping. Where the text is broken or too clever, what could be read of it. */
export function read(source: string): Reading {
  const tree = parser.parse(source);
  let whole = tree.topNode.getChildren("Document").length <= 1;
  tree.iterate({
    enter: (node) => {
      if (node.type.isError || node.name === "?") whole = false;
    },
  });
  const root = rootOf(source);
  if (!root) return { data: {}, whole };
  try {
    const data = new Reader(source).value(root);
    if (data !== null && typeof data === "object" && !Array.isArray(data)) return { data, whole };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
  }
  return { data: {}, whole: false };
}

class Reader {
  readonly source: string;
  readonly anchors = new Map<string, Plain>();

  constructor(source: string) {
    this.source = source;
  }

  text(node: SyntaxNode): string {
    return this.source.slice(node.from, node.to);
  }

  value(node: SyntaxNode | null): Plain {
    switch (node?.name) {
      case undefined:
        return null;
      case "Literal":
        return resolve(folded(this.text(node)));
      case "QuotedLiteral":
        return quoted(this.text(node));
      case "BlockLiteral":
        return block(this.text(node));
      case "FlowMapping":
      case "BlockMapping":
        return this.mapping(node);
      case "FlowSequence":
      case "BlockSequence":
        return node.getChildren("Item").map((item) => this.value(valueOf(item)));
      case "Anchored":
        return this.anchored(node);
      case "Alias":
        return this.alias(this.text(node).slice(1));
      default:
        throw new Unreadable(node?.name);
    }
  }

  mapping(node: SyntaxNode): Mapping {
    const data: Mapping = {};
    const seen = new Set<string>();
    for (const pair of node.getChildren("Pair")) {
      const key = keyOf(this.source, pair);
      if (key === "<<" || key === "__proto__" || seen.has(key)) throw new Unreadable(key);
      seen.add(key);
      data[key] = this.value(valueOf(pair));
    }
    return data;
  }

  anchored(node: SyntaxNode): Plain {
    const anchor = node.getChild("Anchor");
    const value = this.value(valueOf(node));
    if (anchor) this.anchors.set(this.text(anchor).slice(1), value);
    return value;
  }

  alias(name: string): Plain {
    const value = this.anchors.get(name);
    if (value === undefined) throw new Unreadable(name);
    return value;
  }
}

/** Lines of a plain or quoted scalar: one break is a space, each further one a break. */
function folded(text: string): string {
  return text.replace(/[ \t]*\r?\n[ \t]*((?:\r?\n[ \t]*)*)/g, (_, more: string) => "\n".repeat(more.split("\n").length - 1) || " ");
}

function quoted(text: string): string {
  const inner = folded(text.slice(1, -1));
  if (text.startsWith("'")) return inner.replaceAll("''", "'");
  return inner.replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[\s\S])/g, (_, code: string) =>
    code.length > 1 ? String.fromCodePoint(parseInt(code.slice(1), 16)) : (ESCAPES[code] ?? code),
  );
}

/** A literal (|) or folded (>) block without its indentation. */
function block(text: string): string {
  const [header = "", ...lines] = text.split(/\r?\n/);
  const given = /[1-9]/.exec(header)?.[0];
  const indents = lines.filter((line) => line.trim()).map((line) => line.length - line.trimStart().length);
  if (given !== undefined) throw new Unreadable(header);
  const indent = Math.min(...indents);
  const bare = lines.map((line) => line.slice(indent));
  const body = header.startsWith(">") ? foldedBlock(bare) : bare.join("\n");
  if (header.includes("+")) throw new Unreadable(header);
  return body.replace(/\n+$/, "") + (header.includes("-") || !indents.length ? "" : "\n");
}

function foldedBlock(lines: readonly string[]): string {
  const deeper = (line: string | undefined): boolean => /^[ \t]/.test(line ?? "");
  let text = "";
  for (const [i, line] of lines.entries()) {
    const before = lines[i - 1];
    if (i === 0) text = line;
    else if (line === "") text += "\n";
    else if (before === "" || deeper(line) || deeper(before)) text += deeper(line) || (before !== "" && deeper(before)) ? `\n${line}` : line;
    else text += ` ${line}`;
  }
  return text;
}
