import { describe, expect, it } from "vitest";
import type { KeptToken, ProbeAnswer, RolloutCompletion, RolloutSummary } from "../../../api/types";
import { ALONE, course, emptyText, gapText, limitOf, lowestTeacher, measureOf, natsText, origin, probability, rewardText, shade, signed, spoken, strength, tiedText, verdict } from "./reading";

function token(gap: number | null, logProb = -0.5, name = "yes"): KeptToken {
  return { text: name, name, log_prob: logProb, entropy: 0.1, top: [], teachers: gap === null ? {} : { image: { log_prob: logProb + gap, gap, top: [] } } };
}

const answer = (step: number, reward: number): ProbeAnswer => ({ policy: "text", step, reward, completion: "x", reason: "", rollout: null });

describe("the first of a list", () => {
  const page = (tied: number, size: number, reward: number) => ({ tied, rollouts: [{ size, reward_min: reward, reward_mean: reward, reward_max: reward } as RolloutSummary] });

  it("is said to be one of several, where it is", () => {
    expect(tiedText("worst", page(1_200, 8, 0))).toBe(" 1,200 are equally bad: all 8 got 0.");
    expect(tiedText("best", page(2, 1, 1))).toBe(" 2 are equally good: reward 1.");
    expect(tiedText("worst", page(1, 8, 0))).toBe("");
    expect(tiedText("newest", page(9, 8, 0))).toBe("");
    expect(tiedText("worst", undefined)).toBe("");
  });
});

describe("colours of tokens", () => {
  it("follow the teacher's gap, or how unlikely the student alone found it", () => {
    expect(measureOf(token(-0.25), "image")).toBe(-0.25);
    expect(measureOf(token(-0.25), "video")).toBeNull();
    expect(measureOf(token(null, -2), ALONE)).toBe(2);
  });

  it("end at a round number that nine of ten tokens stay under, however extreme the tenth", () => {
    expect(limitOf([...Array.from({ length: 19 }, () => token(0.04)), token(-30)], "image")).toBe(0.05);
    expect(limitOf([token(-1.5)], "image")).toBe(2);
    expect(limitOf([token(-300)], "image")).toBe(10);
    expect(limitOf([], "image")).toBe(0.05);
  });

  it("have one tone for either sign, and stop at full strength", () => {
    expect(strength(-9, 2)).toBe(-1);
    expect(shade(-1, 2, "image")).toContain("--less) 28%");
    expect(shade(5, 2, "image")).toContain("--more) 55%");
    expect(shade(1, 2, ALONE)).toContain("--surprise");
    expect(shade(null, 2, "image")).toBeUndefined();
  });
});

describe("words", () => {
  it("write nats with a sign and probabilities with a bound", () => {
    expect([signed(0.314), signed(-1.2), signed(0)]).toEqual(["+0.31", "−1.20", "0.00"]);
    expect([probability(Math.log(0.421)), probability(-20), probability(0)]).toEqual(["42.1%", "<0.1%", "100%"]);
    expect(spoken(token(-0.25, Math.log(0.5)), "image")).toBe("yes, 50.0% likely, gap to image −0.25 nats");
    expect(spoken(token(null, 0, " "), ALONE)).toBe("space, 100% likely");
  });

  it("have one nat, and more nats", () => {
    expect([natsText(1), natsText(0.5), natsText(2)]).toEqual(["1 nat", "0.5 nats", "2 nats"]);
  });

  it("name the teacher of a gap where the list knows it; the rollout knows it always", () => {
    expect(gapText({ gap: -0.68, peer: "text" })).toBe("gap to text −0.68 nats");
    expect(gapText({ gap: -0.68, peer: null })).toBe("lowest gap −0.68 nats");
    const looked = (image: number, video: number): KeptToken => ({ ...token(image), teachers: { image: { log_prob: 0, gap: image, top: [] }, video: { log_prob: 0, gap: video, top: [] } } });
    const said = (...tokens: KeptToken[]) => ({ text: "", tokens }) as unknown as RolloutCompletion;
    expect(lowestTeacher({ completions: [said(looked(-1, 0)), said(looked(0.5, -0.75), looked(0, -0.75))] })).toBe("video");
    expect(lowestTeacher({ completions: [said(token(null))] })).toBeUndefined();
  });

  it("say what a group got, also when all got the same", () => {
    const group = { size: 8, reward_min: 0, reward_mean: 0.25, reward_max: 1 };
    expect(rewardText(group)).toBe("mean 0.25 of 8, 0 to 1");
    expect(rewardText({ ...group, reward_mean: 0, reward_max: 0 })).toBe("all 8 got 0");
    expect(rewardText({ ...group, size: 1 })).toBe("0.25");
    expect([verdict(1), verdict(0.5), verdict(0)]).toEqual(["right", "partly", "wrong"]);
  });

  it("say why a policy was asked, and from whose prompts", () => {
    expect(origin({ part: "native", peer: null, domain: "video" })).toBe("RLVR on its own video prompts");
    expect(origin({ part: "cross", peer: "text", domain: "text" })).toBe("OPD from text, on text prompts");
    expect(origin({ part: "heldout", peer: null, domain: "video" })).toBe("held-out prompt of video");
  });

  it("tell how a policy fared on a prompt", () => {
    expect(course([answer(0, 0), answer(5, 1), answer(10, 0), answer(15, 1), answer(20, 1)])).toBe("right at 3 of 5, always since step 15");
    expect(course([answer(0, 1), answer(5, 0)])).toBe("right at 1 of 2");
    expect(course([answer(0, 1), answer(5, 0), answer(10, 1)])).toBe("right at 2 of 3, at step 10 too");
    expect(course([answer(0, 1), answer(5, 1)])).toBe("right at 2 of 2");
    expect([course([answer(0, 1)]), course([answer(0, 0)]), course([])]).toEqual(["right", "not right", "never asked"]);
  });

  it("say why there is nothing, and when something comes", () => {
    const keeps = { rollouts: { every: 10 } };
    expect(emptyText({ state: "running", spec: {} })).toContain("keeps no rollouts");
    expect(emptyText({ state: "completed", spec: keeps })).toContain("before the run ended");
    expect(emptyText({ state: "queued", spec: keeps })).toContain("once a worker takes the run");
    expect(emptyText({ state: "running", spec: keeps })).toContain("then every 10 steps");
  });
});
