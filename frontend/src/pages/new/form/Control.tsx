import { useState, type KeyboardEvent } from "react";
import { Icon } from "../../../parts/Icon";
import { read } from "../yaml/read";
import { render, typedNumber, type Plain } from "../yaml/scalars";
import { useForm } from "./FormContext";
import { isMapping, labelOf, type Field } from "./shape";
import classes from "./Form.module.css";

export interface ControlProps {
  id: string;
  field: Field;
  path: readonly string[];
  value: Plain | undefined;
  described: string | undefined;
  wrong: boolean;
}

const shown = (value: Plain | undefined): string => (value === undefined || value === null ? "" : typeof value === "string" ? value : render(value));

/** The control of a field that is a value: what it is follows from the schema, or from the names that there are. */
export function Control(props: ControlProps) {
  const names = useNames(props.path);
  if (names) return <Choice {...props} options={names} />;
  const { shape } = props.field;
  if (shape.kind === "choice") return <Choice {...props} options={shape.options} />;
  if (shape.kind === "switch") return <Switch {...props} />;
  if (shape.kind === "number") return <NumberInput {...props} />;
  if (shape.kind === "list") return <List {...props} isNumber={shape.item.kind === "number"} />;
  if (shape.kind === "wordOrList") return <WordOrList {...props} word={shape.word} />;
  if (shape.kind === "text") return <TextControl {...props} isLong={shape.long} maxLength={shape.maxLength} />;
  return <FreeInput {...props} />;
}

/** Of a field that names a domain or an expert: those that there are. */
function useNames(path: readonly string[]): string[] | null {
  const { data } = useForm();
  const [table = "", , last] = path;
  const kind = (table === "experts" || table === "teachers") && last === "domain" ? "domains" : table === "opd" && (path[1] === "hub" || path[1] === "student") ? "experts" : null;
  const named = kind === null ? undefined : data[kind];
  return isMapping(named) ? Object.keys(named) : null;
}

function aria({ id, described, wrong }: ControlProps) {
  return { id, "aria-describedby": described, "aria-invalid": wrong || undefined };
}

function TextControl(props: ControlProps & { isLong: boolean; maxLength: number | undefined }) {
  const { set, reset } = useForm();
  const { field, path, value, isLong, maxLength } = props;
  const write = (text: string): void => (text === "" && !field.required ? reset(path) : set(path, text));
  const common = { ...aria(props), value: shown(value), maxLength, placeholder: shown(field.fallback), className: classes.input, spellCheck: false };
  if (isLong) return <textarea {...common} rows={Math.min(8, common.value.split("\n").length)} onChange={(event) => write(event.currentTarget.value)} />;
  return <input {...common} type="text" autoComplete="off" onChange={(event) => write(event.currentTarget.value)} />;
}

/** While it has the focus it shows what is typed, so that "0." may become "0.3". */
export function NumberInput(props: ControlProps) {
  const { set, reset } = useForm();
  const { field, path, value } = props;
  const [typed, setTyped] = useState<string | null>(null);
  const write = (text: string): void => {
    setTyped(text);
    if (text.trim() === "") {
      if (value !== undefined) reset(path);
      return;
    }
    const { value: meant, written } = typedNumber(text);
    set(path, meant, written);
  };
  const step = (event: KeyboardEvent): void => {
    const by = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
    const from = value ?? field.fallback;
    if (!by || field.shape.kind !== "number" || !field.shape.whole || typeof from !== "number") return;
    event.preventDefault();
    write(String(from + by));
  };
  return (
    <input
      {...aria(props)}
      type="text"
      inputMode="decimal"
      autoComplete="off"
      className={classes.input}
      data-number
      value={typed ?? shown(value)}
      placeholder={shown(field.fallback)}
      onChange={(event) => write(event.currentTarget.value)}
      onKeyDown={step}
      onBlur={() => setTyped(null)}
    />
  );
}

export function Choice(props: ControlProps & { options: readonly string[] }) {
  const { set, reset } = useForm();
  const { field, path, value, options } = props;
  const fallback = typeof field.fallback === "string" ? `${field.fallback} (${field.fallbackWord ?? "default"})` : field.optional ? "default" : "choose …";
  const isUnknown = value !== undefined && value !== null && !options.includes(String(value));
  return (
    <select {...aria(props)} className={classes.input} value={value === undefined || value === null ? "" : String(value)} onChange={(event) => (event.currentTarget.value ? set(path, event.currentTarget.value) : reset(path))}>
      {(!field.required || value === undefined || value === null) && <option value="">{fallback}</option>}
      {isUnknown && <option value={String(value)}>{String(value)}</option>}
      {options.filter((option) => field.required || option !== field.fallback || value === option).map((option) => (
        <option key={option} value={option}>
          {option}
        </option>
      ))}
    </select>
  );
}

function Switch(props: ControlProps) {
  const { set } = useForm();
  const { path, value, field } = props;
  return (
    <label className={classes.toggle}>
      <input {...aria(props)} type="checkbox" role="switch" className={classes.switch} checked={Boolean(value ?? field.fallback)} onChange={(event) => set(path, event.currentTarget.checked)} />
    </label>
  );
}

/** Anything, as YAML on one line; a text that is none is taken for itself. */
function FreeInput(props: ControlProps) {
  const { set } = useForm();
  const [typed, setTyped] = useState<string | null>(null);
  const write = (text: string): void => {
    setTyped(text);
    const { data, whole } = read(`value: ${text.replaceAll("\n", " ")}`);
    set(props.path, whole ? (data["value"] ?? null) : text);
  };
  return <input {...aria(props)} type="text" autoComplete="off" spellCheck={false} className={classes.input} value={typed ?? shown(props.value)} onChange={(event) => write(event.currentTarget.value)} onBlur={() => setTyped(null)} />;
}

/** A list, one input for each item. The last, empty one adds. */
function List(props: ControlProps & { isNumber: boolean }) {
  const { set, reset } = useForm();
  const { id, path, value, field, isNumber } = props;
  const items = Array.isArray(value) ? value : value === undefined ? (Array.isArray(field.fallback) ? field.fallback : []) : [value];
  const [adding, setAdding] = useState("");
  const meant = (text: string): Plain => (isNumber ? typedNumber(text).value : text);
  const write = (next: Plain[]): void => (next.length ? set(path, next) : reset(path));
  const add = (): void => {
    if (!adding) return;
    write([...items, meant(adding)]);
    setAdding("");
  };
  return (
    <div className={classes.list} role="group" aria-labelledby={`${id}-label`}>
      {items.map((item, i) => (
        <span key={i} className={classes.item}>
          <input type="text" className={classes.input} aria-label={`${field.label} ${i + 1}`} aria-invalid={props.wrong || undefined} value={shown(item)} onChange={(event) => write(items.with(i, meant(event.currentTarget.value)))} />
          <button type="button" className={classes.iconButton} aria-label={`Remove ${field.label} ${i + 1}`} onClick={() => write(items.toSpliced(i, 1))}>
            <Icon name="x" size={14} />
          </button>
        </span>
      ))}
      <input
        {...aria(props)}
        type="text"
        autoComplete="off"
        className={classes.input}
        placeholder={`Add, then Enter`}
        value={adding}
        onChange={(event) => setAdding(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
          event.preventDefault();
          add();
        }}
        onBlur={add}
      />
    </div>
  );
}

function WordOrList(props: ControlProps & { word: string }) {
  const { set } = useForm();
  const { value, path, word } = props;
  const isList = Array.isArray(value);
  return (
    <div className={classes.list}>
      <select {...aria(props)} className={classes.input} value={isList ? "list" : word} onChange={(event) => set(path, event.currentTarget.value === "list" ? [] : word)}>
        <option value={word}>{word}</option>
        <option value="list">these {labelOf(props.field.name).toLowerCase()}</option>
      </select>
      {isList && <List {...props} id={`${props.id}-list`} isNumber={false} />}
    </div>
  );
}
