import { NativeSelect } from "@mantine/core";
import { useState } from "react";
import type { Value } from "../../../api/steering";
import type { ControlView } from "../../../api/types";
import { setting } from "../../../parts/numbers";
import { EditorShell } from "./EditorShell";
import { parseSwitch, parseValue, pendingEdit } from "./edits";
import { Field } from "./Field";
import type { Steering } from "./useSteering";
import { ValueButton } from "./ValueButton";
import classes from "./Weights.module.css";

interface Props {
  control: ControlView;
  label: string;
  steering: Steering;
}

/** A value with its editor: a number is typed, a text or a switch is chosen. */
export function EditableValue({ control, label, steering }: Props) {
  const { path } = control;
  const [draft, setDraft] = useState<string | null>(null);
  if (steering.locked) return <span className={classes.fixed}>{setting(control.value)}</span>;
  const staged = steering.changes[path];
  const parsed = draft === null ? null : read(draft, control);
  const problem = typeof control.value !== "string" && typeof parsed === "string" ? parsed : null;
  const wanted = parsed === null || problem !== null ? null : parsed === control.value ? {} : { [path]: parsed };
  const target = <ValueButton label={label} value={control.value} pending={pendingEdit(steering.run.edits, path)} staged={staged} onClick={() => setDraft(setting(staged ?? control.value))} />;
  const choices = typeof control.value === "boolean" ? ["true", "false"] : control.choices;
  return (
    <EditorShell label={label} steering={steering} opened={draft !== null} onClose={() => setDraft(null)} target={target} wanted={wanted}>
      {choices ? (
        <NativeSelect data-autofocus label={label} data={choices} value={draft ?? ""} onChange={(event) => setDraft(event.currentTarget.value)} />
      ) : (
        <Field label={label} value={draft ?? ""} problem={problem} onChange={setDraft} isFirst />
      )}
    </EditorShell>
  );
}

/** The value of a text, of the kind the control has; for a number or a switch, a text says what is wrong. */
function read(text: string, { value, minimum, maximum }: ControlView): Value {
  if (typeof value === "number") return parseValue(text, { minimum: minimum ?? null, maximum: maximum ?? null });
  return typeof value === "boolean" ? parseSwitch(text) : text.trim();
}
