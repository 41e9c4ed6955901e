import { describe, expect, it } from "vitest";
import { NO_CURVES, upsert, type Batch } from "../../../live/curves";
import { bestPolicy, lowestOverlap, weakest, whoWaits } from "./facts";

const run = {
  domains: ["text", "video"],
  policies: [
    { name: "base", role: "base" as const, domain: null, colour: 0 },
    { name: "text", role: "expert" as const, domain: null, colour: 2 },
    { name: "video", role: "expert" as const, domain: null, colour: 3 },
    { name: "merged", role: "merged" as const, domain: null, colour: 1 },
  ],
};
const one = (key: string, step: number, value: number | null, se: number | null = null): Batch => ({ key, points: [{ step, value, se, attempt: 1, time: null }] });
const evaluated = (policy: string, text: number, video: number): Batch[] => [one(`capability|${policy}||text`, 10, text, 0.02), one(`capability|${policy}||video`, 10, video, 0.03)];

describe("the facts of a run", () => {
  it("are of the best expert until the merged model is known in every domain", () => {
    let curves = upsert(NO_CURVES, [...evaluated("base", 0.2, 0.3), ...evaluated("text", 0.6, 0.4), ...evaluated("video", 0.3, 0.5)]);
    expect(bestPolicy(curves, run)).toEqual({ policy: "text", step: 10, mean: 0.5, base: 0.25, isFollowed: false });
    expect(weakest(curves, run)).toMatchObject({ policy: "text", domain: "video", accuracy: 0.4 });
    curves = upsert(curves, [one("capability|merged||text", 10, 0.4, 0.02)]);
    expect(bestPolicy(curves, run)?.policy).toBe("text");
    curves = upsert(curves, evaluated("merged", 0.4, 0.45));
    expect(weakest(curves, run)).toEqual({ policy: "merged", domain: "text", step: 10, accuracy: 0.4, error: 1.96 * 0.02, rivals: [] });
    curves = upsert(curves, evaluated("merged", 0.4, 0.43).map(({ key, points }) => ({ key, points: points.map((point) => ({ ...point, step: 20 })) })));
    expect(weakest(curves, run)).toMatchObject({ domain: "text", step: 20, rivals: [{ domain: "video", accuracy: 0.43 }] });
  });

  it("are of one model: of the newest step at which every domain was evaluated", () => {
    const curves = upsert(NO_CURVES, [...evaluated("base", 0.2, 0.3), ...evaluated("merged", 0.6, 0.5), one("capability|merged||text", 20, 0.1), one("capability|merged||video", 20, null)]);
    expect(bestPolicy(curves, run)).toEqual({ policy: "merged", step: 10, mean: 0.55, base: 0.25, isFollowed: true });
    expect(weakest(curves, run)).toMatchObject({ domain: "video", step: 10, accuracy: 0.5 });
  });

  it("say where the overlap was lowest, over all domains together", () => {
    const curves = upsert(NO_CURVES, [
      one("overlap|text|video|", 36, 0.9),
      one("overlap|video|text|", 96, 0.68),
      one("overlap|video|text|", 120, 0.8),
      one("overlap|video|text|text", 36, 0.1),
      one("symmetric_kl|video|text|", 36, 0.01),
    ]);
    expect(lowestOverlap(curves)).toEqual({ student: "video", teacher: "text", step: 96, value: 0.68 });
  });

  it("are nothing where nothing is known", () => {
    expect([bestPolicy(NO_CURVES, run), weakest(NO_CURVES, run), lowestOverlap(NO_CURVES)]).toEqual([null, null, null]);
  });
});

it("names who has still to train and does nothing now", () => {
  const segment = (policy: string, kind: "rlvr" | "opd" | "evaluate" | "merge", state: "planned" | "running" | "done") => ({ policy, kind, state });
  expect(
    whoWaits([
      segment("text", "rlvr", "done"),
      segment("image", "rlvr", "running"),
      segment("text", "opd", "planned"),
      segment("image", "opd", "planned"),
      segment("video", "evaluate", "planned"),
      segment("merged", "merge", "planned"),
    ]),
  ).toEqual(["text"]);
});
