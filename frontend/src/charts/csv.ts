/** Numbers as comma-separated values (RFC 4180). Pure. */
import type { SeriesData } from "../api/types";
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
