/** What a phase of distillation brought, as the table says it. Pure. */
import type { AbsorbedRow } from "../../../api/types";

/** "0.312 → 0.251"; with an en dash where one is missing, and one alone where both are. */
export function change(before: number | null, after: number | null, write: (value: number) => string): string {
  if (before === null && after === null) return "–";
  return `${before === null ? "–" : write(before)} → ${after === null ? "–" : write(after)}`;
}

/** How much nearer the student came, in percent of where it was. Null where that cannot be said. */
export function nearer({ kl_before: before, kl_after: after }: Pick<AbsorbedRow, "kl_before" | "kl_after">): { text: string; isGood: boolean } | null {
  if (before === null || after === null || before <= 0) return null;
  const percent = Math.round((100 * (after - before)) / before);
  if (percent === 0) return { text: "as far", isGood: false };
  return { text: `${Math.abs(percent)}% ${percent < 0 ? "nearer" : "farther"}`, isGood: percent < 0 };
}

/** The rows of the newest rounds first, and how many rounds are left out. */
export function newestRounds(rows: readonly AbsorbedRow[], most: number): { rows: AbsorbedRow[]; hidden: number } {
  const rounds = [...new Set(rows.map((row) => row.round))].sort((a, b) => b - a);
  const shown = rounds.slice(0, most);
  return { rows: shown.flatMap((round) => rows.filter((row) => row.round === round)), hidden: rounds.length - shown.length };
}
