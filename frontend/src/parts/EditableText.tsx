import { TextInput, Textarea } from "@mantine/core";
import { useState, type KeyboardEvent } from "react";
import classes from "./EditableText.module.css";

interface Props {
  label: string;
  value: string;
  placeholder?: string;
  maxLength: number;
  multiline?: boolean;
  required?: boolean;
  onSave: (value: string) => void;
}

/** Text that becomes a field when clicked. Enter saves (Ctrl+Enter where lines may break), Esc reverts, leaving saves. */
export function EditableText({ label, value, placeholder = "", maxLength, multiline = false, required = false, onSave }: Props) {
  const [draft, setDraft] = useState<string | null>(null);
  if (draft === null) {
    return (
      <button type="button" className={classes.text} data-empty={value === "" || undefined} aria-label={value ? `${label}: ${value}. Edit` : undefined} onClick={() => setDraft(value)}>
        {value || placeholder}
      </button>
    );
  }
  const save = (): void => {
    const next = draft.trim();
    if (next !== value && (next || !required)) onSave(next);
    setDraft(null);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Escape") setDraft(null);
    if (event.key === "Enter" && (!multiline || event.ctrlKey || event.metaKey)) save();
  };
  const field = { "aria-label": label, value: draft, maxLength, autoFocus: true, onBlur: save, onKeyDown };
  if (multiline) return <Textarea {...field} autosize minRows={2} className={classes.field ?? ""} onChange={(event) => setDraft(event.currentTarget.value)} />;
  return <TextInput {...field} className={classes.field ?? ""} onChange={(event) => setDraft(event.currentTarget.value)} />;
}
