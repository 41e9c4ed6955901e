/** What the page calls the fields that may be edited. */
const NAMES: Record<string, string> = {
  "optimizer.lr": "Learning rate",
  "rlvr.temperature": "Temperature",
  "rlvr.clip_low": "Clip range below (rlvr.clip_low)",
  "rlvr.clip_high": "Clip range above (rlvr.clip_high)",
  seed: "Seed of training steps",
  priority: "Priority",
  rounds: "Rounds",
  "rlvr.steps": "RLVR steps",
  "opd.steps": "OPD steps",
  "opd.sync_every": "Teacher refresh (opd.sync_every)",
  "evaluation.every": "Rounds between evaluations",
  "opd.topology": "Topology",
  "opd.adaptive.teach": "Teach (opd.adaptive.teach)",
};

export interface EdgeField {
  student: string;
  teacher: string;
  part: "weight" | "end" | "steps";
}

/** Which part of which edge a path is; null for another field. */
export function edgeOf(path: string): EdgeField | null {
  const [kind, student, teacher, part] = path.split(".");
  if (!student || !teacher) return null;
  if (kind === "w") return { student, teacher, part: "weight" };
  return kind === "w_schedule" && (part === "end" || part === "steps") ? { student, teacher, part } : null;
}

/** "Learning rate", "Weight of teacher text for student image". */
export function nameOf(path: string): string {
  const edge = edgeOf(path);
  if (!edge) return NAMES[path] ?? path;
  const what = { weight: "Weight", end: "End of the schedule", steps: "Steps of the schedule" }[edge.part];
  return `${what} of teacher ${edge.teacher} for student ${edge.student}`;
}

/** "image ← text", as charts and the log write an edge; another field by its name. */
export function shortName(path: string): string {
  const edge = edgeOf(path);
  if (!edge) return nameOf(path);
  const part = { weight: "", end: ", end of its schedule", steps: ", steps of its schedule" }[edge.part];
  return `${edge.student} ← ${edge.teacher}${part}`;
}
