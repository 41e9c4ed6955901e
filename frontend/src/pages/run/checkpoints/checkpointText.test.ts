import { describe, expect, it } from "vitest";
import type { ExportView, ListedCheckpoint, Run, SweepView } from "../../../api/types";
import { byRound, canBranch, exportState, reasonText, rollBackText, roundText, sweepText } from "./checkpointText";

const made = (policy: string, step: number, round: number | null, ends = true): ListedCheckpoint => ({ policy, step, round, ends_round: ends, bytes: 1_000_000, reasons: ["last"] }) as ListedCheckpoint;
const HELD = [made("image", 5, 1), made("text", 5, 1), made("text", 3, 1, false), made("merged", 5, 1), made("text", 10, 2), made("text", 0, null)];

describe("checkpoints", () => {
  it("stand by round, the newest first, in the order of the policies", () => {
    const groups = byRound(HELD, ["text", "image", "merged"]);
    expect(groups.map(({ round, checkpoints }) => [round, ...checkpoints.map((c) => `${c.policy}@${c.step}`)])).toEqual([
      [2, "text@10"],
      [1, "text@5", "text@3", "image@5", "merged@5"],
      [null, "text@0"],
    ]);
  });

  it("allow to go on from a round that has ended and is whole", () => {
    expect(canBranch(1, HELD, 1, ["text", "image"])).toBe(true);
    expect(canBranch(2, HELD, 1, ["text"])).toBe(false);
    expect(canBranch(2, HELD, 2, ["text", "image"])).toBe(false);
    expect(canBranch(null, HELD, 2, ["text"])).toBe(false);
  });

  it("tell a round that is trained from one that is under way", () => {
    expect([1, 2, 3].map((round) => roundText(round, 1, 3))).toEqual(["ended", "trained, being merged and evaluated", "under way"]);
  });

  it("say why they stay", () => {
    expect(reasonText("pinned", "ann")).toBe("pinned by ann");
    expect(reasonText("needed", null)).toBe("needed by what is still to be done");
  });
});

describe("rolling back", () => {
  const at = (state: string, rounds: number) => ({ state, progress: { rounds } }) as Run;

  it("says what is kept and what is trained again", () => {
    expect(rollBackText(at("running", 6), 2)).toBe(
      "This run is cancelled, and keeps every number and checkpoint it has. A new run of the same name has its first 2 rounds, and trains rounds 3 to 6 again.",
    );
    expect(rollBackText(at("completed", 2), 1)).toBe("This run stays as it is. A new run of the same name has its first round, and trains round 2 again.");
  });
});

describe("a sweep", () => {
  it("says what would go, and why the others stay", () => {
    const kept = [
      { reasons: ["last", "round end"] },
      { reasons: ["round end"] },
    ];
    const view = { removed: [{}, {}], removed_bytes: 48_000_000, kept, kept_bytes: 2_000_000 } as unknown as SweepView;
    expect(sweepText(view)).toEqual({
      goes: "Would remove 2 checkpoints, 48 MB.",
      stays: "2 checkpoints, 2.0 MB, would stay: the end of a round (2), among the last of its policy (1).",
    });
    expect(sweepText({ ...view, removed: [] }).goes).toContain("nothing");
  });
});

describe("an export", () => {
  it("waits, runs, and is ready or has failed", () => {
    const of = (state: string, started_at: string | null = null) => exportState({ state, started_at } as ExportView);
    expect([exportState(undefined), of("waiting"), of("waiting", "2026-01-01"), of("ready"), of("failed")]).toEqual(["none", "waiting", "running", "ready", "failed"]);
  });
});
