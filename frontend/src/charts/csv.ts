/** Numbers as comma-separated values (RFC 4180). Pure. */
import type { XAxis } from "../api/queries";
import type { Figure, SeriesData } from "../api/types";
import { axisTitle } from "./layout";
import { halfIntervals, list, metaOf, plain } from "./meta";
import type { Trace } from "./plotly";
import type { Table } from "./table";

export function csv(rows: readonly (readonly unknown[])[]): string {
  return rows.map((row) => row.map(cell).join(",") + "\r\n").join("");
}

/** One row per point: series one after the other, each by step. */
export function csvOfSeries(series: readonly SeriesData[]): string {
  const head = ["name", "policy", "peer", "domain", "step", "time", "value", "standard_error", "attempt"];
  const rows = series.flatMap(({ name, policy, peer, domain, step, time, value, se, attempt }) =>
    step.map((at, i) => [name, policy, peer, domain, at, time[i], value[i], se?.[i], attempt?.[i]]),
  );
  return csv([head, ...rows]);
}

/** One row per point of runs that are compared: run after run, each by step. `parts`: the same figure of one stretch of steps each. */
export function csvOfRuns(parts: readonly Figure[], x: XAxis): string {
  const axis = x === "step" ? [] : parts.slice(0, 1).map(axisTitle);
  const rows = parts.flatMap(({ data }) => data.flatMap((trace) => rowsOf(trace, x)));
  const order = [...new Set(rows.map(([run]) => run))];
  rows.sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
  return csv([["run", "name", "step", ...axis, "value", "standard_error"], ...rows]);
}

function rowsOf(trace: Trace, x: XAxis): unknown[][] {
  const { step = [], error_scale: scale = 1 } = metaOf(trace);
  const [places, values, bars] = [list(trace["x"]), list(trace["y"]), halfIntervals(trace)];
  return step.map((at, i) => {
    const bar = bars[i];
    return [trace["legendgroup"], plain(trace["name"]), at, ...(x === "step" ? [] : [places[i]]), values[i], bar == null ? null : bar / scale];
  });
}

export function csvOfTable({ columns, rows }: Table): string {
  return csv([columns, ...rows]);
}

/** A text that a spreadsheet would take for a formula is quoted as text: names are what somebody typed. */
function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(String(value)) && Number.isNaN(Number(value)) ? `'${String(value)}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
