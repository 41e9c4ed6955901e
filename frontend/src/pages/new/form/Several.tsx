import { Icon } from "../../../parts/Icon";
import { isMapping as isPart, at, type Field, type Shape, type Variant } from "./shape";
import { hasProblem, pathName, useForm } from "./FormContext";
import { Group } from "./Parts";
import { typedNumber, type Mapping, type Plain } from "../yaml/scalars";
import classes from "./Form.module.css";

type SeveralShape = Shape & { kind: "several" };

/** Verifiers as people may write them, each as a part. */
function partsOf(value: Plain | undefined, tag: string): Mapping[] {
  const items = Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
  return items.map((item) => (isPart(item) ? item : { [tag]: item }));
}

/** As short as it can be written: `exact`, one mapping, or a list. */
export function shortest(parts: readonly Mapping[], { tag, words }: SeveralShape): Plain {
  const short = parts.map((part) => (Object.keys(part).length === 1 && words.includes(String(part[tag])) ? part[tag]! : part));
  return short.length === 1 ? short[0]! : [...short];
}

/** How answers are judged: one verifier, or a weighted sum of several. */
export function Several({ field, path, shape }: { field: Field; path: readonly string[]; shape: SeveralShape }) {
  const form = useForm();
  const value = at(form.data, path);
  const parts = partsOf(value ?? field.fallback, shape.tag).map((part) => (value === undefined ? { [shape.tag]: part[shape.tag]! } : part));
  const write = (next: readonly Mapping[]): void => (next.length ? form.set(path, shortest(next, shape)) : form.reset(path));
  const first = shape.variants[0]?.name ?? "";
  return (
    <Group label={field.label} help="How an answer is judged: by one verifier, or by the weighted mean of several." path={path}>
      {hasProblem(form, path) && !form.problems.get(pathName(path)) && <p className={classes.wrong}>{below(form.problems, pathName(path))}</p>}
      {parts.map((part, i) => (
        <div key={i} className={classes.verifier}>
          <Choice part={part} shape={shape} label={parts.length > 1 ? `${field.label} ${i + 1}` : field.label} onChange={(next) => write(parts.with(i, next))} />
          {parts.length > 1 && (
            <button type="button" className={classes.iconButton} aria-label={`Remove ${field.label} ${i + 1}`} onClick={() => write(parts.toSpliced(i, 1))}>
              <Icon name="x" size={14} />
            </button>
          )}
        </div>
      ))}
      <button type="button" className={classes.add} onClick={() => write([...parts, { [shape.tag]: first }])}>
        <Icon name="plus" size={14} /> Add a verifier
      </button>
    </Group>
  );
}

function below(problems: ReadonlyMap<string, readonly string[]>, name: string): string {
  return [...problems].filter(([key]) => key.startsWith(`${name}.`)).map(([key, messages]) => `${key.slice(name.length + 1)}: ${messages.join(" ")}`).join(" ");
}

/** One verifier: its kind, and its settings on one line each. */
function Choice({ part, shape, label, onChange }: { part: Mapping; shape: SeveralShape; label: string; onChange: (part: Mapping) => void }) {
  const kind = String(part[shape.tag] ?? "");
  const variant = shape.variants.find((each) => each.name === kind);
  return (
    <div className={classes.pairs}>
      <select className={classes.input} aria-label={label} value={kind} onChange={(event) => onChange({ [shape.tag]: event.currentTarget.value })}>
        {!variant && <option>{kind}</option>}
        {shape.variants.map((each) => (
          <option key={each.name}>{each.name}</option>
        ))}
      </select>
      {variant && <p className={classes.help}>{variant.help}</p>}
      {variant?.fields.map((field) => <Setting key={field.name} field={field} label={label} part={part} variant={variant} onChange={onChange} />)}
    </div>
  );
}

function Setting({ field, part, label, onChange }: { field: Field; part: Mapping; label: string; variant: Variant; onChange: (part: Mapping) => void }) {
  const value = part[field.name];
  const isList = field.shape.kind === "list";
  const text = isList ? (Array.isArray(value) ? value.join(", ") : "") : value === undefined || value === null ? "" : String(value);
  const write = (typed: string): void => {
    const { [field.name]: _, ...rest } = part;
    if (typed === "" && !field.required) return onChange(rest);
    const meant: Plain = isList ? typed.split(",").map((item) => item.trim()) : field.shape.kind === "number" ? typedNumber(typed).value : typed;
    onChange({ ...part, [field.name]: meant });
  };
  return (
    <label className={classes.pair}>
      <span title={field.help}>{field.label}</span>
      <input type="text" autoComplete="off" className={classes.input} aria-label={`${field.label} of ${label}`} defaultValue={text} key={text} placeholder={String(field.fallback ?? "")} onBlur={(event) => event.currentTarget.value !== text && write(event.currentTarget.value)} />
    </label>
  );
}
