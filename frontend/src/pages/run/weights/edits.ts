/** The stages of an edit: requested → acknowledged → effective at step N. Pure. */
import type { EditView } from "../../../api/types";

export type Stage = "requested" | "acknowledged" | "effective";

export function stageOf(edit: EditView): Stage {
  if (edit.effective.length > 0 || edit.kind === "dispatch") return "effective";
  return edit.acknowledged_at ? "acknowledged" : "requested";
}

/** The newest edit of a path, while it has not acted yet. */
export function pendingEdit(edits: readonly EditView[], path: string): EditView | null {
  const newest = edits.findLast((edit) => edit.path === path);
  return newest && stageOf(newest) !== "effective" ? newest : null;
}

/** "at step 37", "at once", or each expert's own: "text at step 37, image at step 41". */
export function effectText(edit: EditView): string {
  if (edit.kind === "dispatch") return "at once";
  const steps = new Set(edit.effective.map((effect) => effect.step));
  if (steps.size === 1 && edit.path.startsWith("w.")) return `at step ${[...steps][0]}`;
  if (steps.size === 1) return `at step ${[...steps][0]} (${edit.effective.map((e) => e.policy).join(", ")})`;
  return edit.effective.map((effect) => `${effect.policy} at step ${effect.step}`).join(", ");
}

/** Where and when it acted first. */
export function firstEffect(edit: EditView): EditView["effective"][number] | null {
  return edit.effective.toSorted((a, b) => a.at.localeCompare(b.at))[0] ?? null;
}

/** What a typed text sets for a field that is on or off, or why it cannot. */
export function parseSwitch(text: string): boolean | string {
  const word = text.trim().toLowerCase();
  return word === "true" || word === "false" ? word === "true" : "true or false, please";
}

/** What a typed text sets, or why it cannot: checked here for speed, and by the server for truth. */
export function parseValue(text: string, { minimum, maximum }: { minimum?: number | null; maximum?: number | null }): number | string {
  const value = Number(text.trim().replace(",", "."));
  if (text.trim() === "" || !Number.isFinite(value)) return "a number, please";
  if (minimum != null && value < minimum) return `at least ${minimum}`;
  if (maximum != null && value > maximum) return `at most ${maximum}`;
  return value;
}
