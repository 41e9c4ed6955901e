/** A figure as rows and columns: what a person reads who does not look at pictures. Pure. */
import type { Figure } from "../api/types";
import type { Curves } from "../live/curves";
import { followed, halfIntervals, list, metaOf, number, plain } from "./meta";
import type { Trace } from "./plotly";

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Rows there are; `rows` may hold fewer. */
  readonly total: number;
}

interface Reading {
  readonly step: number;
  readonly text: string;
}

/** What a page shows of a chart; the CSV has all. */
export const MOST_ROWS = 200;

/** At most so many rows; of curves the newest steps, newest first. */
export function tableOf(figure: Figure, curves: Curves | null, most: number): Table {
  const matrix = figure.data.find((trace) => trace["z"]);
  if (matrix) return matrixTable(matrix, most);
  if (figure.data.some((trace) => trace["type"] === "bar")) return barTable(figure.data, most);
  return curveTable(figure.data, curves, most);
}

function curveTable(traces: readonly Trace[], curves: Curves | null, most: number): Table {
  const columns = traces.map((trace) => ({ name: plain(trace["name"]), readings: readingsOf(trace, curves) }));
  const all = new Set(columns.flatMap(({ readings }) => readings.map(({ step }) => step)));
  const steps = [...all].sort((a, b) => b - a).slice(0, most);
  const cells = columns.map(({ readings }) => new Map(readings.map(({ step, text }) => [step, text])));
  return {
    columns: ["Step", ...columns.map(({ name }) => name)],
    rows: steps.map((step) => [step.toLocaleString("en"), ...cells.map((column) => column.get(step) ?? "")]),
    total: all.size,
  };
}

function readingsOf(trace: Trace, curves: Curves | null): Reading[] {
  const { step = [], error_scale: scale = 1.96 } = metaOf(trace);
  const curve = curves?.get(followed(trace) ?? "");
  if (curve) return curve.points.map((point) => ({ step: point.step, text: short(point.value) + (point.se ? ` ± ${short(scale * point.se)}` : "") }));
  const values = list(trace["y"]);
  const places = step.length ? step : list(trace["x"]).map(Number);
  const bars = halfIntervals(trace);
  return places.map((place, i) => ({ step: place, text: short(number(values[i])) + (bars[i] ? ` ± ${short(bars[i])}` : "") }));
}

function matrixTable(trace: Trace, most: number): Table {
  const students = list(trace["y"]).map(plain);
  const rows = students.map((student, i) => [student, ...list(list(trace["z"])[i]).map((cell) => short(number(cell)))]);
  return { columns: ["Student ← teacher", ...list(trace["x"]).map(plain)], rows: rows.slice(0, most), total: rows.length };
}

/** One row per bar, newest first: customdata is [segment, worker, seconds, state]. */
function barTable(traces: readonly Trace[], most: number): Table {
  const rows = traces.flatMap((trace) =>
    list(trace["y"]).map((policy, i) => {
      const told = list(list(trace["customdata"])[i]).map(plain);
      return [String(list(trace["base"])[i] ?? ""), plain(policy), plain(trace["name"]), told[0] ?? "", told[2] ?? "", told[1] ?? "", told[3] ?? ""];
    }),
  );
  rows.sort((a, b) => (b[0] ?? "").localeCompare(a[0] ?? ""));
  const shown = rows.slice(0, most).map(([start = "", ...rest]) => [start.replace("T", " ").slice(0, 19), ...rest]);
  return { columns: ["Start (UTC)", "Policy", "Work", "Segment", "Seconds", "Worker", "State"], rows: shown, total: rows.length };
}

function short(value: number | null): string {
  if (value === null) return "";
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(4)));
}
