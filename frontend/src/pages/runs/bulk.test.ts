import { describe, expect, it } from "vitest";
import type { RunSummary } from "../../api/types";
import { each, many, sorted } from "./bulk";

const run = (id: string, state: string, allowed: string[] = []): RunSummary => ({ id, state, allowed }) as unknown as RunSummary;

describe("what is done to many runs", () => {
  it("is done to those that can, by the server's word, or when they are over", () => {
    const runs = [run("a", "running", ["pause", "cancel"]), run("b", "completed"), run("c", "paused", ["resume", "cancel"])];
    expect(sorted("pause", runs).can.map(({ id }) => id)).toEqual(["a"]);
    expect(sorted("pause", runs).cannot.map(({ id }) => id)).toEqual(["b", "c"]);
    expect(sorted("delete", runs).can.map(({ id }) => id)).toEqual(["b"]);
    expect([many(1), many(1200)]).toEqual(["1 run", "1,200 runs"]);
  });

  it("goes a few at a time, keeps the order, and a failure is one run's own", async () => {
    let at = 0;
    let most = 0;
    const told: number[] = [];
    const answers = await each(
      [1, 2, 3, 4, 5, 6],
      async (n) => {
        most = Math.max(most, ++at);
        await Promise.resolve();
        at -= 1;
        if (n === 3) throw new Error("no");
        return n * 10;
      },
      (done) => told.push(done),
      2,
    );
    expect(answers).toEqual([10, 20, new Error("no"), 40, 50, 60]);
    expect(most).toBe(2);
    expect(told).toEqual([1, 2, 3, 4, 5, 6]);
  });
});
