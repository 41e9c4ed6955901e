import { describe, expect, it } from "vitest";
import type { AbsorbedRow } from "../../../api/types";
import { change, nearer, newestRounds } from "./absorbed";

const row = (round: number, student: string): AbsorbedRow => ({
  round,
  student,
  teacher: "text",
  domain: "text",
  start: 12,
  end: 18,
  weight: 1,
  kl_before: 0.5,
  kl_after: 0.4,
  gap_before: null,
  gap_after: null,
  accuracy_before: null,
  accuracy_after: null,
});

describe("what a phase brought", () => {
  it("is told from before to after, and what is unknown is left open", () => {
    const write = (value: number) => value.toFixed(1);
    expect(change(0.5, 0.4, write)).toBe("0.5 → 0.4");
    expect(change(null, 0.4, write)).toBe("– → 0.4");
    expect(change(null, null, write)).toBe("–");
  });

  it("is nearer when the divergence fell", () => {
    expect(nearer({ kl_before: 0.5, kl_after: 0.4 })).toEqual({ text: "20% nearer", isGood: true });
    expect(nearer({ kl_before: 0.4, kl_after: 0.5 })).toEqual({ text: "25% farther", isGood: false });
    expect(nearer({ kl_before: 0.4, kl_after: 0.3999 })).toEqual({ text: "as far", isGood: false });
    expect(nearer({ kl_before: null, kl_after: 0.5 })).toBeNull();
    expect(nearer({ kl_before: 0, kl_after: 0.5 })).toBeNull();
  });

  it("shows the newest rounds first and says how many it leaves out", () => {
    const rows = [row(0, "image"), row(1, "image"), row(1, "video"), row(2, "image")];
    const { rows: shown, hidden } = newestRounds(rows, 2);
    expect(shown.map((r) => [r.round, r.student])).toEqual([[2, "image"], [1, "image"], [1, "video"]]);
    expect(hidden).toBe(1);
    expect(newestRounds([], 2)).toEqual({ rows: [], hidden: 0 });
  });
});
