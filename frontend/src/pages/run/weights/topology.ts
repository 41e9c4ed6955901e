/** Where the graph of who teaches whom puts its nodes and edges. Pure; units of the drawing. */
import type { Edge } from "./schedule";

export const WIDTH = 380;
export const HEIGHT = 300;
const NODE_HEIGHT = 32;
const MARGIN = 20;
const GLYPH = 7.6;
const BEND = 0.2;

export interface Node {
  name: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Arc {
  edge: Edge;
  /** From the teacher to the student, as an SVG path. */
  path: string;
  /** Where its value stands. */
  x: number;
  y: number;
}

/** The policies on an ellipse, the first at the top. */
export function nodes(names: readonly string[]): Node[] {
  const widths = names.map((name) => Math.min(150, Math.max(56, name.length * GLYPH + 34)));
  const rx = WIDTH / 2 - Math.max(...widths, 56) / 2 - MARGIN / 2;
  const ry = HEIGHT / 2 - NODE_HEIGHT / 2 - MARGIN;
  return names.map((name, i) => {
    const angle = (2 * Math.PI * i) / names.length - Math.PI / 2;
    const alone = names.length === 1;
    return { name, x: WIDTH / 2 + (alone ? 0 : rx * Math.cos(angle)), y: HEIGHT / 2 + (alone ? 0 : ry * Math.sin(angle)), width: widths[i] ?? 56, height: NODE_HEIGHT };
  });
}

/** Edges as arcs that bend to their right, so that two that run against each other stay apart. */
export function arcs(edges: readonly Edge[], placed: readonly Node[]): Arc[] {
  const byName = new Map(placed.map((node) => [node.name, node]));
  return edges.flatMap((edge): Arc[] => {
    const [from, to] = [byName.get(edge.teacher), byName.get(edge.student)];
    if (!from || !to) return [];
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    const control = { x: (from.x + to.x) / 2 - BEND * dy, y: (from.y + to.y) / 2 + BEND * dx };
    const [start, end] = [onBorder(from, control, 4), onBorder(to, control, 9)];
    const path = `M${round(start.x)} ${round(start.y)}Q${round(control.x)} ${round(control.y)} ${round(end.x)} ${round(end.y)}`;
    return [{ edge, path, x: round((start.x + end.x) / 4 + control.x / 2), y: round((start.y + end.y) / 4 + control.y / 2) }];
  });
}

/** How thick an edge is drawn: from hardly at weight 0 to bold at 2 and above. */
export function thickness(weight: number): number {
  return 1.2 + 1.9 * Math.min(2, weight);
}

/** The point on a node's outline, `gap` outside it, in the direction of another point. */
function onBorder(node: Node, towards: { x: number; y: number }, gap: number): { x: number; y: number } {
  const [dx, dy] = [towards.x - node.x, towards.y - node.y];
  const scale = 1 / Math.hypot(dx / (node.width / 2 + gap), dy / (node.height / 2 + gap));
  return { x: node.x + dx * scale, y: node.y + dy * scale };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
