/** Where a field stands in the text: the server names fields by dotted path, a person reads lines. */
import type { SyntaxNode } from "@lezer/common";
import { parser } from "@lezer/yaml";

export interface Span {
  from: number;
  to: number;
}

const children = (node: SyntaxNode, name: string): SyntaxNode[] => node.getChildren(name);

function unquoted(text: string): string {
  return /^(["']).*\1$/s.test(text) ? text.slice(1, -1) : text;
}

/** The key that names a child of `container`, or for a list the child itself, and the child's value. */
function child(source: string, container: SyntaxNode, name: string): { at: SyntaxNode; value: SyntaxNode | null } | null {
  if (container.name.endsWith("Sequence")) {
    const item = children(container, "Item")[Number(name)];
    return item ? { at: item, value: item.firstChild } : null;
  }
  for (const pair of children(container, "Pair")) {
    const key = pair.getChild("Key");
    if (!key || unquoted(source.slice(key.from, key.to)) !== name) continue;
    const last = pair.lastChild;
    return { at: key, value: last && (last.name.endsWith("Mapping") || last.name.endsWith("Sequence") || last.name.endsWith("Literal")) ? last : null };
  }
  return null;
}

/** The value for a field whose value is one word, its key otherwise; for a field that is not written, the nearest parent that is. */
export function locate(source: string, path: string, what: "value" | "key" = "value"): Span {
  let container: SyntaxNode | null = parser.parse(source).topNode.getChild("Document")?.firstChild ?? null;
  let found: SyntaxNode | null = null;
  let value: SyntaxNode | null = null;
  for (const name of path.split(".")) {
    const next = container && child(source, container, name);
    if (!next) {
      value = null;
      break;
    }
    found = next.at;
    value = next.value;
    container = next.value;
  }
  const word = value?.name.endsWith("Literal") && value.name !== "BlockLiteral";
  const node = word && what === "value" ? value : found;
  return node ? { from: node.from, to: node.to } : { from: 0, to: source.split("\n", 1)[0]?.length ?? 0 };
}

/** The place of a problem: by its field, or by the line that a YAML error names. */
export function placeOf(source: string, problem: { field: string; message: string }): Span {
  if (problem.field) return locate(source, problem.field, problem.message.startsWith("unknown field") ? "key" : "value");
  const named = /line (\d+), column (\d+)/.exec(problem.message);
  const lines = source.split("\n");
  const line = Math.min(Number(named?.[1] ?? 1), lines.length) - 1;
  const start = lines.slice(0, line).reduce((sum, text) => sum + text.length + 1, 0);
  return { from: start, to: start + (lines[line]?.length ?? 0) };
}

export function lineAt(source: string, offset: number): number {
  return source.slice(0, offset).split("\n").length;
}
