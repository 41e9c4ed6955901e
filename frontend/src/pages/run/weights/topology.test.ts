import { describe, expect, it } from "vitest";
import { arcs, HEIGHT, nodes, thickness, WIDTH } from "./topology";

describe("the graph of who teaches whom", () => {
  it("keeps every node inside the drawing, however many and however long their names", () => {
    for (const count of [1, 2, 3, 5, 8]) {
      const names = Array.from({ length: count }, (_, i) => `expert-with-a-long-name-${i}`);
      for (const node of nodes(names)) {
        expect(node.x - node.width / 2).toBeGreaterThanOrEqual(0);
        expect(node.x + node.width / 2).toBeLessThanOrEqual(WIDTH);
        expect(node.y - node.height / 2).toBeGreaterThanOrEqual(0);
        expect(node.y + node.height / 2).toBeLessThanOrEqual(HEIGHT);
      }
    }
  });

  it("keeps the values of two edges against each other apart", () => {
    const placed = nodes(["text", "image", "video"]);
    const both = arcs([{ student: "text", teacher: "image" }, { student: "image", teacher: "text" }], placed);
    const [one, other] = both;
    expect(both).toHaveLength(2);
    expect(Math.hypot((one?.x ?? 0) - (other?.x ?? 0), (one?.y ?? 0) - (other?.y ?? 0))).toBeGreaterThan(30);
  });

  it("leaves out an edge of which an end is missing", () => {
    expect(arcs([{ student: "text", teacher: "nobody" }], nodes(["text"]))).toEqual([]);
  });

  it("draws a stronger edge thicker, up to 2", () => {
    expect(thickness(0)).toBeLessThan(thickness(0.3));
    expect(thickness(0.3)).toBeLessThan(thickness(1));
    expect(thickness(1000)).toBe(thickness(2));
  });
});
