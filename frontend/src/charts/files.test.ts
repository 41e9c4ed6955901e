import { describe, expect, it } from "vitest";
import type { Figure } from "../api/types";
import { NO_CURVES, upsert } from "../live/curves";
import { csv, csvOfRuns, csvOfSeries } from "./csv";
import { fileName } from "./save";
import { tableOf } from "./table";

const base: Figure = { name: "f", cursor: "", title: "", help: "", unit: "", summary: "", series: [], data: [], layout: {} };
const trace = (policy: string) => ({ name: policy, x: [1, 2], y: [0.1, 0.2], meta: { mode: "append", series: { name: "reward", policy }, step: [1, 2] } });

describe("the table of a chart", () => {
  it("has one row per step, the newest first, and says how many there are", () => {
    const curves = upsert(NO_CURVES, [
      { key: "reward|text||", points: [1, 2, 3].map((step) => ({ step, value: step / 8, se: step === 3 ? 0.1 : null, attempt: 1, time: null })) },
    ]);
    const table = tableOf({ ...base, data: [trace("text"), trace("image")] }, curves, 2);
    expect(table).toEqual({ columns: ["Step", "text", "image"], rows: [["3", "0.375 ± 0.196", ""], ["2", "0.25", "0.2"]], total: 3 });
  });

  it("says the intervals of what is drawn as it was fetched", () => {
    const measured = { ...trace("text"), error_y: { array: [0.01, null] }, meta: { mode: "replace", step: [1, 2] } };
    expect(tableOf({ ...base, data: [measured] }, null, 9).rows).toEqual([["2", "0.2"], ["1", "0.1 ± 0.01"]]);
  });

  it("of a matrix has students as rows, of bars one row per bar", () => {
    expect(tableOf({ ...base, data: [{ x: ["a", "b"], y: ["a"], z: [[null, 0.5]] }] }, null, 9).rows).toEqual([["a", "", "0.5"]]);
    const bar = { type: "bar", name: "RLVR", y: ["text"], base: ["2026-01-01T00:00:00+00:00"], x: [9000], customdata: [["rlvr.text@0", "w1", "9.0", "done"]] };
    expect(tableOf({ ...base, data: [bar] }, null, 9).rows).toEqual([["2026-01-01 00:00:00", "text", "RLVR", "rlvr.text@0", "9.0", "w1", "done"]]);
  });
});

describe("files", () => {
  it("are named by run and figure", () => {
    expect(fileName("Three experts / <b>", "capability.text")).toBe("three-experts-b_capability.text");
    expect(fileName("", "…")).toBe("chart");
  });

  it("hold every value, quoted where it must be, and no formula", () => {
    expect(csv([["a,b", 'say "x"', null, -1.5], ["=1+1", "-3", "line\nbreak"]])).toBe('"a,b","say ""x""",,-1.5\r\n\'=1+1,-3,"line\nbreak"\r\n');
    const series = { name: "reward", policy: "text", total: 1, step: [3], value: [null], time: ["2026-01-01T00:00:03Z"], attempt: [2] };
    expect(csvOfSeries([series]).split("\r\n")[1]).toBe("reward,text,,,3,2026-01-01T00:00:03Z,,,2");
  });

  it("of several runs hold run after run, wherever the figure was cut to be fetched", () => {
    const layout = { xaxis: { type: "linear", title: { text: "hours since the start" } } };
    const curve = (run: string, step: number, bars?: number[]) => ({
      legendgroup: run, name: `${run} &amp; co`, x: [step / 10], y: [0.5], ...(bars && { error_y: { array: bars } }), meta: { mode: "replace", step: [step], error_scale: 2 },
    });
    const parts = [1, 2].map((step) => ({ ...base, layout, data: [curve("r1", step, [0.2]), curve("r2", step)] }));
    expect(csvOfRuns(parts, "time").trim().split("\r\n")).toEqual([
      "run,name,step,hours since the start,value,standard_error",
      "r1,r1 & co,1,0.1,0.5,0.1",
      "r1,r1 & co,2,0.2,0.5,0.1",
      "r2,r2 & co,1,0.1,0.5,",
      "r2,r2 & co,2,0.2,0.5,",
    ]);
    expect(csvOfRuns(parts, "step").split("\r\n")[0]).toBe("run,name,step,value,standard_error");
  });
});
