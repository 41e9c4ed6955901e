import { describe, expect, it } from "vitest";
import type { AttemptView } from "../../../api/types";
import { attemptRows, between, sectionOf, systemWaiting, tryText } from "./systemText";

const attempt = (id: number, segment: string, state: AttemptView["state"], start_step = 0): AttemptView =>
  ({ id, segment, worker: "w1", state, start_step, stored_step: null, sent_at: "2026-01-01T12:00:00Z", started_at: null, ended_at: null }) as AttemptView;

describe("attempts", () => {
  const rows = attemptRows([attempt(1, "rlvr.text@0", "lost"), attempt(2, "rlvr.image@0", "done"), attempt(3, "rlvr.text@0", "done", 24)]);

  it("are numbered by segment, newest first", () => {
    expect(rows.map(({ id, number, of }) => [id, number, of])).toEqual([
      [3, 2, 2],
      [2, 1, 1],
      [1, 1, 2],
    ]);
  });

  it("say which try they are, and from where the later ones went on", () => {
    expect(rows.map(tryText)).toEqual(["attempt 2 of 2, from step 24", "", "attempt 1 of 2"]);
  });

  it("are troubled when one was lost or failed, and when they repeat it; not for a pause", () => {
    const paused = attemptRows([attempt(1, "rlvr.text@0", "stopped"), attempt(2, "rlvr.text@0", "done", 3), attempt(3, "rlvr.image@0", "failed")]);
    expect([rows, paused].map((of) => of.filter((row) => row.isTroubled).map(({ id }) => id))).toEqual([[3, 1], [3]]);
  });

  it("last until now while they run, and not at all before", () => {
    const start = "2026-01-01T12:00:00Z";
    expect(between(start, "2026-01-01T12:00:05Z", 0)).toBe(5);
    expect(between(start, null, Date.parse(start) + 2_000)).toBe(2);
    expect(between(null, null, 0)).toBeNull();
  });
});

describe("figures", () => {
  it("stand in their section, unknown ones with training", () => {
    expect(["step_time.text", "throughput", "machine_disk", "worker_memory", "grad_norm", "brand_new"].map(sectionOf)).toEqual(["speed", "speed", "machines", "machines", "stability", "stability"]);
  });

  it("say what they wait for", () => {
    expect(systemWaiting("machine_load", { state: "completed" })).toContain("24 hours");
    expect(systemWaiting("machine_load", { state: "running" })).toContain("10 seconds");
    expect(systemWaiting("grad_norm", { state: "running" })).toContain("first optimizer step");
    expect(systemWaiting("grad_norm", { state: "failed" })).toContain("before the run ended");
  });
});
