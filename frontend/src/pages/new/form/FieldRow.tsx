import { useId, type ReactNode } from "react";
import { Icon } from "../../../parts/Icon";
import { render } from "../yaml/scalars";
import { Control, type ControlProps } from "./Control";
import { pathName, useForm } from "./FormContext";
import { Help } from "./Help";
import { at, isEqual, type Field } from "./shape";
import classes from "./Form.module.css";

/** That a field can be edited in a run under way. */
export function EditMark({ id }: { id?: string }) {
  return (
    <span className={classes.mark} title="Can be changed while it trains">
      <Icon name="edit" size={12} />
      <span id={id} className="visually-hidden">
        Can be changed while it trains.
      </span>
    </span>
  );
}

export function Wrong({ messages, id }: { messages: readonly string[] | undefined; id?: string | undefined }) {
  if (!messages?.length) return null;
  return (
    <p id={id} className={classes.wrong}>
      {messages.join(" ")}
    </p>
  );
}

/** The name, the help and the control of one field that is a value, and the way back to its default. */
export function FieldRow({ field, path, aside }: { field: Field; path: readonly string[]; aside?: ReactNode }) {
  const form = useForm();
  const id = useId();
  const value = at(form.data, path);
  const messages = form.problems.get(pathName(path)) ?? belowOf(form.problems, path, field);
  const help = [field.help, field.shape.kind === "number" ? field.shape.range : ""].filter(Boolean).join("; ");
  const control: ControlProps = {
    id,
    field,
    path,
    value,
    described: [field.edit && `${id}-mark`, help && `${id}-help`, messages && `${id}-wrong`].filter(Boolean).join(" ") || undefined,
    wrong: messages !== undefined,
  };
  const isWide = field.shape.kind === "list" || (field.shape.kind === "text" && (field.shape.long || (field.shape.maxLength ?? 0) >= 1_000)) || field.name === "name";
  return (
    <div className={classes.row} data-field={pathName(path)} data-wide={isWide || undefined} data-set={value !== undefined || undefined}>
      <div className={classes.words}>
        <span className={classes.label}>
          <label htmlFor={id} id={`${id}-label`}>
            {field.label}
          </label>
          {field.edit && <EditMark id={`${id}-mark`} />}
        </span>
        {value !== undefined && !field.required && !isEqual(value, field.fallback) && (
          <button type="button" className={classes.reset} onClick={() => form.reset(path)} title={defaultText(field)} aria-label={`Reset ${field.label} to ${field.fallbackWord ? "what it was" : "its default"}`}>
            Reset
          </button>
        )}
        {help && (
          <p id={`${id}-help`} className={classes.help}>
            <Help text={help} />
          </p>
        )}
      </div>
      <div className={classes.control}>
        <Control {...control} />
        {aside}
      </div>
      <Wrong messages={messages} id={`${id}-wrong`} />
    </div>
  );
}

/** What is wrong with items of a list, which have no row of their own. */
function belowOf(problems: ReadonlyMap<string, readonly string[]>, path: readonly string[], field: Field): readonly string[] | undefined {
  if (field.shape.kind !== "list" && field.shape.kind !== "wordOrList" && field.shape.kind !== "free") return undefined;
  const found = [...problems].filter(([key]) => key.startsWith(`${pathName(path)}.`)).flatMap(([, messages]) => messages);
  return found.length ? found : undefined;
}

function defaultText({ fallback, fallbackWord, optional }: Field): string {
  const name = fallbackWord ? "Was" : "Default";
  if (fallback === undefined) return `${name}: ${optional ? "none" : "empty"}`;
  return `${name}: ${render(fallback)}`;
}
