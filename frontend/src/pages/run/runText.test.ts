import { describe, expect, it } from "vitest";
import type { Run } from "../../api/types";
import { tabTitle, waitingText } from "./runText";

const expert = { role: "expert" as const, name: "text", domain: "text", colour: 2 };
const run: Pick<Run, "name" | "state" | "progress" | "spec" | "policies" | "first_evaluation_seconds"> = {
  name: "Three experts",
  state: "running",
  progress: { round: 1, rounds: 6, phase: "rlvr", steps: 54, total_steps: 1080, eta_seconds: 1026 },
  spec: { rlvr: { steps: 36 } },
  policies: [expert, { ...expert, name: "image" }, { ...expert, name: "video" }],
};

describe("texts of a run", () => {
  it("says when a chart's first point will come", () => {
    expect(waitingText("overlap", run)).toBe("First measured after 36 steps of phase I, in about 54 s.");
    expect(waitingText("overlap", { ...run, progress: { ...run.progress, eta_seconds: null } })).toBe("First measured after 36 steps of phase I.");
    expect(waitingText("overlap", { ...run, progress: { ...run.progress, steps: 108 } })).toMatch(/in a moment/);
    const adaptive = (teach: boolean) => ({ ...run, spec: { ...run.spec, opd: { steps: 24, adaptive: { floor: 0.9, ceiling: 0.95, teach } } } });
    expect(waitingText("gap", adaptive(false))).toMatch(/under the floor, 0.9\.$/);
    expect(waitingText("overlap", adaptive(false))).toMatch(/36 steps of phase I,/);
    expect(waitingText("overlap", adaptive(true))).toMatch(/24 steps of phase II,/);
    expect(waitingText("capability.text", run)).toMatch(/when that is done\.$/);
    expect(waitingText("capability.text", { ...run, first_evaluation_seconds: 15.2 })).toMatch(/first evaluation in about 15 s\.$/);
    expect(waitingText("reward", { ...run, state: "queued" })).toMatch(/worker/);
    expect(waitingText("reward", { ...run, state: "failed" })).toMatch(/before the run ended/);
  });

  it("puts progress into the tab's title", () => {
    expect(tabTitle(run)).toBe("5% Three experts");
    expect(tabTitle({ ...run, state: "paused" })).toBe("Three experts – paused");
  });
});
