import { describe, expect, it } from "vitest";
import { endNotice } from "./notify";

const run = { name: "Three experts", error: null, capability: 0.7461 };

describe("the notice of a run's end", () => {
  it("says what became of it", () => {
    expect(endNotice("running", { ...run, state: "completed" })).toEqual({ title: "Three experts is completed", body: "The merged model answers 74.6% rightly." });
    const error = { message: "The disk of the checkpoint store is full.", traceback: "" };
    expect(endNotice("failing", { ...run, state: "failed", error })).toEqual({ title: "Three experts failed", body: "The disk of the checkpoint store is full." });
    expect(endNotice("pausing", { ...run, state: "paused" })?.title).toBe("Three experts is paused");
  });

  it("calls nobody for what goes on, or for what was over already", () => {
    expect(endNotice("queued", { ...run, state: "running" })).toBeNull();
    expect(endNotice("running", { ...run, state: "pausing" })).toBeNull();
    expect(endNotice("completed", { ...run, state: "completed" })).toBeNull();
  });
});
