/** The text of an earlier run's spec: as it was submitted, or as it stands with its edits. Pure. */
import type { EditView, Run } from "../../api/types";
import { isMapping, withoutDefaults, type Field } from "./form/shape";
import { withField } from "./form/edits";
import { dump } from "./yaml/dump";
import { read } from "./yaml/read";
import type { Mapping, Plain } from "./yaml/scalars";

/** What was submitted, where a person wrote it; JSON and recipes are written anew as YAML. */
export function submittedText(run: Pick<Run, "source" | "spec">, fields: readonly Field[]): string {
  const { data, whole } = read(run.source);
  const isWritten = whole && !("spec" in data) && !run.source.trimStart().startsWith("{");
  if (isWritten) return run.source;
  const spec = run.spec as Mapping;
  return isMapping(spec) ? dump(withoutDefaults(fields, spec)) : run.source;
}

/** The text with the edits made in it, the later ones last. */
export function withEdits(text: string, edits: readonly Pick<EditView, "path" | "value">[], fields: readonly Field[]): string {
  return edits.reduce((edited, edit) => withField(edited, fields, edit.path.split("."), edit.value as Plain), text);
}
