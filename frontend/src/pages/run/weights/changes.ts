/** Changes that were written down but not asked for yet, and what a preview says of them. Pure. */
import type { Changes, Value } from "../../../api/steering";
import type { ControlPreview, ControlView, EditView } from "../../../api/types";

/** With these too. What a control already has is no change, and one that was written down is taken back by it. */
export function staged(changes: Changes, more: Changes, controls: readonly Pick<ControlView, "path" | "value">[]): Changes {
  const held = new Map(controls.map(({ path, value }) => [path, value as Value]));
  return Object.fromEntries(Object.entries({ ...changes, ...more }).filter(([path, value]) => held.get(path) !== value));
}

export function without(changes: Changes, paths: readonly string[]): Changes {
  return Object.fromEntries(Object.entries(changes).filter(([path]) => !paths.includes(path)));
}

/** Changes that belong together: an edge's schedule is two fields. Each is applied at once or not at all. */
export function grouped(changes: Changes): { key: string; changes: Changes }[] {
  const groups = new Map<string, Record<string, Value>>();
  for (const [path, value] of Object.entries(changes)) {
    const key = path.startsWith("w_schedule.") ? path.slice(0, path.lastIndexOf(".")) : path;
    groups.set(key, { ...groups.get(key), [path]: value });
  }
  return [...groups].map(([key, group]) => ({ key, changes: group }));
}

/** When an edit would act, in words. */
export function whenText(edit: Pick<EditView, "expected"> | undefined): string {
  if (!edit) return "";
  return edit.expected ?? "would never act: no step is left that uses it";
}

/** What would become of the plan; null where it stays. */
export function planText({ added, dropped, total_steps: after, total_steps_before: before }: ControlPreview): string | null {
  if (added.length + dropped.length === 0) return null;
  const parts = [added.length > 0 ? `${added.length} ${plural(added.length)} ${added.length === 1 ? "comes" : "come"}` : "", dropped.length > 0 ? `${dropped.length} ${plural(dropped.length)} ${dropped.length === 1 ? "goes" : "go"} or ${dropped.length === 1 ? "changes" : "change"}` : ""];
  const steps = after === before ? `The plan keeps its ${after.toLocaleString("en")} steps of all experts` : `The plan goes from ${before.toLocaleString("en")} to ${after.toLocaleString("en")} steps of all experts`;
  return `${steps}: ${parts.filter(Boolean).join(", ")}.`;
}

function plural(n: number): string {
  return n === 1 ? "segment" : "segments";
}
