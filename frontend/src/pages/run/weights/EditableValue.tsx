import { useState, type KeyboardEvent } from "react";
import type { ControlView, EditView } from "../../../api/types";
import { setting } from "../../../parts/numbers";
import { parseSwitch, parseValue, stageOf } from "./edits";
import classes from "./Weights.module.css";

interface Props {
  control: ControlView;
  label: string;
  pending: EditView | null;
  locked: boolean;
  onSet: (value: boolean | number | string) => void;
}

/** A number that becomes a field: Enter asks for the change, Esc or leaving reverts. A text among choices stays text; true and false are typed too. */
export function EditableValue({ control, label, pending, locked, onSet }: Props) {
  const [draft, setDraft] = useState<string | null>(null);
  const shown = setting(control.value);
  if (locked) return <span className={classes.fixed}>{shown}</span>;
  if (draft === null) {
    return (
      <button type="button" className={classes.value} data-stage={pending ? stageOf(pending) : undefined} aria-label={`${label}: ${shown}${pending ? ` ${stageOf(pending)}` : ""}. Edit`} onClick={() => setDraft(shown)}>
        {shown}
        {pending && <span className={classes.stage}>{stageOf(pending)}</span>}
      </button>
    );
  }
  const parsed = read(draft, control);
  const problem = typeof control.value !== "string" && typeof parsed === "string" ? parsed : null;
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Escape") setDraft(null);
    if (event.key !== "Enter" || problem !== null) return;
    if (parsed !== control.value) onSet(parsed);
    setDraft(null);
  };
  return (
    <span className={classes.editing}>
      <input
        aria-label={label}
        aria-invalid={problem !== null}
        inputMode={typeof control.value === "number" ? "decimal" : "text"}
        value={draft}
        size={Math.max(6, draft.length + 1)}
        autoFocus
        onFocus={(event) => event.currentTarget.select()}
        onChange={(event) => setDraft(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        onBlur={() => setDraft(null)}
      />
      <span className={classes.hint} role="status" data-bad={problem !== null || undefined}>
        {problem ?? "Enter to apply"}
      </span>
    </span>
  );
}

/** The value of a text, of the kind the control has; for a number or a switch, a text says what is wrong. */
function read(text: string, { value, minimum, maximum }: ControlView): boolean | number | string {
  if (typeof value === "number") return parseValue(text, { minimum: minimum ?? null, maximum: maximum ?? null });
  return typeof value === "boolean" ? parseSwitch(text) : text.trim();
}
