/** The matrices of a run's overlaps: how they stood at a step, which of them are shown, and what is said of each. Pure. */
import type { AgreementHistory } from "../api/types";

export type Matrix = AgreementHistory["values"][number];
export type History = Pick<AgreementHistory, "students" | "teachers" | "steps" | "values">;

export interface Shown {
  readonly step: number;
  readonly matrix: Matrix;
}

/** Every pair's newest value by a step: the newest, up to the one asked for, at which any pair was measured. Experts are measured one
 * after the other, so some cells may be older. */
export interface AsOf extends Shown {
  /** When each cell was measured. */
  readonly measured: readonly (readonly (number | null)[])[];
}

export interface Told {
  readonly mean: number;
  readonly lowest: { readonly student: string; readonly teacher: string; readonly value: number };
}

const MOST = 12;

/** Null where nothing was measured by then. */
export function asOf({ students, teachers, steps, values }: History, step = Infinity): AsOf | null {
  const last = steps.findLastIndex((each) => each <= step);
  if (last < 0) return null;
  const newest = students.map((_, row) => teachers.map((__, column) => values.slice(0, last + 1).findLastIndex((matrix) => matrix[row]?.[column] != null)));
  return {
    step: steps[last]!,
    matrix: newest.map((cells, row) => cells.map((at, column) => values[at]?.[row]?.[column] ?? null)),
    measured: newest.map((cells) => cells.map((at) => steps[at] ?? null)),
  };
}

/** When a cell was measured, where that was before the matrix's own step. */
export function olderStep({ step, measured }: AsOf, row: number, column: number): number | null {
  const at = measured[row]?.[column] ?? null;
  return at === step ? null : at;
}

/** At most twelve steps, evenly spread: the first, the newest, and the one `keep` names are always among them. */
export function pick({ steps, values }: History, keep: number | null, most = MOST): Shown[] {
  const last = steps.length - 1;
  const wanted = new Set<number>();
  if (last < most) steps.forEach((_, i) => wanted.add(i));
  else {
    const kept = steps.findIndex((step) => step === keep);
    const count = kept < 0 ? most : most - 1;
    for (let i = 0; i < count; i += 1) wanted.add(Math.round((i * last) / (count - 1)));
    if (kept >= 0) wanted.add(kept);
  }
  return steps.flatMap((step, i) => (wanted.has(i) ? [{ step, matrix: values[i] ?? [] }] : []));
}

/** What one matrix says; null where it has no cell. */
export function told(matrix: Matrix, { students, teachers }: Pick<History, "students" | "teachers">): Told | null {
  const cells = matrix.flatMap((row, s) => row.flatMap((value, t) => (value === null ? [] : [{ student: students[s] ?? "", teacher: teachers[t] ?? "", value }])));
  const [first, ...rest] = cells;
  if (!first) return null;
  const lowest = rest.reduce((least, cell) => (cell.value < least.value ? cell : least), first);
  return { mean: cells.reduce((sum, cell) => sum + cell.value, 0) / cells.length, lowest };
}
