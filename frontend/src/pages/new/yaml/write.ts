/** Changes of single fields in YAML text: everything else, comments and order among it, stays letter by letter. */
import type { SyntaxNode } from "@lezer/common";
import { children, isValue, keyOf, rootOf, valueOf } from "./read";
import { render, renderText, type Mapping, type Plain } from "./scalars";

/** Where among its siblings a key belongs: the order of the keys of the mapping at `path`. */
export type OrderOf = (path: readonly string[]) => readonly string[];
type Path = readonly string[];

interface Entry {
  /** The pair of a mapping, or the item of a list. */
  node: SyntaxNode;
  value: SyntaxNode | null;
}

const NO_ORDER: OrderOf = () => [];

/** The text with the field at `path` set. `written` spells a single value otherwise than `render` would: 2e-4 as it was typed. */
export function setAt(source: string, path: Path, value: Plain, orderOf: OrderOf = NO_ORDER, written?: string): string {
  const text = written ?? render(value);
  let container = rootOf(source);
  if (!container) return `${source}${source && !source.endsWith("\n") ? "\n" : ""}${nestedLine(path, text)}\n`;
  for (const [depth, name] of path.entries()) {
    const entry = childOf(source, container, name);
    const rest = path.slice(depth + 1);
    if (!entry) return insert(source, container, name, nested(rest, text), orderOf(path.slice(0, depth)));
    if (!rest.length) return replace(source, path, entry, value, text, orderOf);
    const inner: SyntaxNode | null = bare(entry.value);
    if (!isCollection(inner)) return overwrite(source, entry, nested(rest, text));
    container = inner;
  }
  return source;
}

/** The text without the field at `path`. Of a mapping that loses its last field, `{}` stays. */
export function removeAt(source: string, path: Path): string {
  let container = rootOf(source);
  let owner: Entry | null = null;
  for (const [depth, name] of path.entries()) {
    const entry: Entry | null = container && childOf(source, container, name);
    if (!container || !entry) return source;
    if (depth === path.length - 1) return drop(source, owner, container, entry);
    owner = entry;
    container = bare(entry.value);
  }
  return source;
}

/** The text with the key at `path` called `name`. */
export function renameAt(source: string, path: Path, name: string): string {
  let container = rootOf(source);
  for (const [depth, key] of path.entries()) {
    const entry: Entry | null = container && childOf(source, container, key);
    const at = entry?.node.getChild("Key");
    if (!entry || (depth === path.length - 1 && !at)) return source;
    if (depth === path.length - 1 && at) return splice(source, at.from, at.to, renderText(name));
    container = bare(entry.value);
  }
  return source;
}

function splice(source: string, from: number, to: number, insert: string): string {
  return source.slice(0, from) + insert + source.slice(to);
}

const nested = (path: Path, text: string): string => path.reduceRight((inner, name) => `{${renderText(name)}: ${inner}}`, text);

function nestedLine([first = "", ...rest]: Path, text: string): string {
  return `${renderText(first)}: ${nested(rest, text)}`;
}

function bare(node: SyntaxNode | null): SyntaxNode | null {
  return node?.name === "Anchored" ? valueOf(node) : node;
}

function isCollection(node: SyntaxNode | null): node is SyntaxNode {
  return node !== null && /(Mapping|Sequence)$/.test(node.name);
}

const isMapping = (node: SyntaxNode | null): boolean => node?.name.endsWith("Mapping") ?? false;
const isBlock = (node: SyntaxNode): boolean => node.name.startsWith("Block");

function entriesOf(container: SyntaxNode): SyntaxNode[] {
  return container.getChildren(isMapping(container) ? "Pair" : "Item");
}

function childOf(source: string, container: SyntaxNode, name: string): Entry | null {
  const entries = entriesOf(container);
  const node = isMapping(container) ? entries.find((pair) => keyOf(source, pair) === name) : entries[Number(name)];
  return node ? { node, value: valueOf(node) } : null;
}

/** A new value for a field that is there. Of collections, only what differs is written. */
function replace(source: string, path: Path, entry: Entry, value: Plain, text: string, orderOf: OrderOf): string {
  const before = bare(entry.value);
  if (isMapping(before) && value !== null && typeof value === "object" && !Array.isArray(value)) return reconcile(source, path, before!, value, orderOf);
  if (before?.name.endsWith("Sequence") && Array.isArray(value) && value.length && entriesOf(before).length) return reconcileList(source, path, before, value, orderOf);
  return overwrite(source, entry, text);
}

function reconcile(source: string, path: Path, before: SyntaxNode, value: Mapping, orderOf: OrderOf): string {
  const keys = entriesOf(before).map((pair) => keyOf(source, pair));
  let text = source;
  for (const [key, inner] of Object.entries(value)) text = setAt(text, [...path, key], inner, orderOf);
  for (const key of keys) if (!(key in value)) text = removeAt(text, [...path, key]);
  return text;
}

function reconcileList(source: string, path: Path, before: SyntaxNode, value: readonly Plain[], orderOf: OrderOf): string {
  let text = source;
  for (const [i, inner] of value.entries()) text = setAt(text, [...path, String(i)], inner, orderOf);
  for (let i = entriesOf(before).length - 1; i >= value.length; i -= 1) text = removeAt(text, [...path, String(i)]);
  return text;
}

function overwrite(source: string, { node, value }: Entry, text: string): string {
  const inner = bare(value);
  if (inner && isBlock(inner)) return splice(source, afterMark(node, inner), inner.to, ` ${text}`);
  if (inner) return splice(source, inner.from, inner.to, text);
  if (value) return splice(source, value.to, value.to, ` ${text}`); // an anchor of nothing
  const colon = children(node).find((child) => child.name === ":");
  if (colon) return splice(source, colon.to, colon.to, ` ${text}`);
  return node.name === "Item" ? splice(source, node.from, node.to, ` ${text}`) : splice(source, node.to, node.to, `: ${text}`);
}

/** Where the text of a block value begins, its line break and comments included. */
function afterMark(node: SyntaxNode, value: SyntaxNode): number {
  const anchor = value.parent?.name === "Anchored" ? value.parent.getChild("Anchor") : null;
  return (anchor ?? children(node).find((child) => child.name === ":"))?.to ?? node.from;
}

function insert(source: string, container: SyntaxNode, name: string, text: string, order: readonly string[]): string {
  const entries = entriesOf(container);
  const after = isMapping(container) ? predecessor(source, entries, name, order) : entries.at(-1);
  const line = isMapping(container) ? `${renderText(name)}: ${text}` : text;
  if (!isBlock(container)) {
    if (after) return splice(source, after.to, after.to, `, ${line}`);
    const first = entries[0];
    return first ? splice(source, first.from, first.from, `${line}, `) : splice(source, container.from + 1, container.to - 1, line);
  }
  const first = starts(entries[0]!);
  const indent = " ".repeat(first - lineStart(source, first));
  if (!after) return splice(source, first, first, `${line}\n${indent}`);
  const end = lineEnd(source, after.to);
  return splice(source, end, end, `\n${indent}${isMapping(container) ? "" : "- "}${line}`);
}

/** The last sibling that belongs before `name`; without an order the last of all, and undefined where `name` comes first. */
function predecessor(source: string, pairs: readonly SyntaxNode[], name: string, order: readonly string[]): SyntaxNode | undefined {
  const place = order.indexOf(name);
  if (place < 0) return pairs.at(-1);
  return pairs.findLast((pair) => {
    const other = order.indexOf(keyOf(source, pair));
    return other >= 0 && other < place;
  });
}

function drop(source: string, owner: Entry | null, container: SyntaxNode, entry: Entry): string {
  const entries = entriesOf(container);
  const at = entries.findIndex((each) => each.from === entry.node.from);
  const next = entries[at + 1];
  const before = entries[at - 1];
  if (entries.length === 1 && isBlock(container)) {
    if (owner) return overwrite(source, owner, isMapping(container) ? "{}" : "[]");
    return splice(source, lineStart(source, starts(entry.node)), lineEnd(source, entry.node.to) + 1, "");
  }
  if (entries.length === 1) return splice(source, container.from + 1, container.to - 1, "");
  if (!isBlock(container)) return next ? splice(source, entry.node.from, next.from, "") : splice(source, before!.to, entry.node.to, "");
  const from = starts(entry.node);
  const line = lineStart(source, from);
  if (source.slice(line, from).trim()) return splice(source, from, starts(next!), ""); // the first of a list's item stands behind its dash
  const end = lineEnd(source, entry.node.to);
  return end < source.length ? splice(source, line, end + 1, "") : splice(source, Math.max(0, line - 1), end, "");
}

/** Where an entry of a block begins: a pair at its key, an item at its dash. */
function starts(entry: SyntaxNode): number {
  if (entry.name === "Item") return entry.prevSibling?.name === "-" ? entry.prevSibling.from : children(entry.parent).findLast((each) => each.name === "-" && each.from < entry.from)!.from;
  return children(entry).find((child) => child.name === "Key" || isValue(child))?.from ?? entry.from;
}

const lineStart = (source: string, at: number): number => source.lastIndexOf("\n", at - 1) + 1;

function lineEnd(source: string, at: number): number {
  const end = source.indexOf("\n", at);
  return end < 0 ? source.length : end;
}
