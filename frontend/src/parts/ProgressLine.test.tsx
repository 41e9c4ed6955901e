import { renderToStaticMarkup } from "react-dom/server";
import { expect, it } from "vitest";
import { phaseText, ProgressLine } from "./ProgressLine";

const progress = { round: 2, rounds: 6, phase: "opd", steps: 163, total_steps: 1440, eta_seconds: 840 };

it("says whose steps it counts: those of a chart's axis are one expert's", () => {
  const shown = document.createElement("div");
  shown.innerHTML = renderToStaticMarkup(<ProgressLine progress={progress} state="running" wide />);
  expect(shown.textContent).toContain("163 of 1,440 steps of all experts");
});

it("says how many rounds there will be before the first", () => {
  expect([1, 6].map((rounds) => phaseText({ ...progress, round: 0, rounds }))).toEqual(["1 round", "6 rounds"]);
});
