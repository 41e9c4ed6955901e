import { useId, useRef, useState, type ReactNode } from "react";
import { EdgeRows } from "./Edges";
import { EditMark, FieldRow, Wrong } from "./FieldRow";
import { hasProblem, passes, pathName, useForm } from "./FormContext";
import { Help } from "./Help";
import { NamedParts, NamedValues } from "./Named";
import { at, isMapping, type Field, type Shape, type Variant } from "./shape";
import { Several } from "./Several";
import classes from "./Form.module.css";

interface PartProps {
  fields: readonly Field[];
  path: readonly string[];
  /** Names of those that are shown first; all where there are none. */
  first?: readonly string[] | undefined;
}

/** The fields of a part: those shown first, those that are written or wrong, and on demand the others. */
export function Fields({ fields, path, first }: PartProps) {
  const form = useForm();
  const [isOpen, setOpen] = useState(false);
  const seen = useRef(new Set<string>()); // what was shown stays, though its value is taken out
  const isFiltered = form.search !== "" || form.onlyChanged;
  const isShown = (field: Field): boolean => {
    const inside = [...path, field.name];
    if (isFiltered) return passes(form, field, inside) === true;
    if (!first || isOpen || first.includes(field.name) || at(form.data, inside) !== undefined || hasProblem(form, inside)) seen.current.add(field.name);
    return seen.current.has(field.name);
  };
  const shown = fields.filter(isShown);
  const hidden = fields.length - shown.length;
  return (
    <>
      {shown.map((field) => (
        <AnyField key={field.name} field={field} path={[...path, field.name]} />
      ))}
      {hidden > 0 && !isFiltered && (
        <button type="button" className={classes.more} onClick={() => setOpen(true)}>
          {hidden} more {hidden === 1 ? "field" : "fields"}
          <span className="visually-hidden"> of {path.join(" ") || "the run"}</span>
        </button>
      )}
    </>
  );
}

/** A field of whatever shape. */
export function AnyField({ field, path }: { field: Field; path: readonly string[] }) {
  const { shape } = field;
  if (shape.kind === "part") return <InnerPart field={field} path={path} shape={shape} />;
  if (shape.kind === "several") return <Several field={field} path={path} shape={shape} />;
  if (shape.kind === "named" && (path[0] === "w" || path[0] === "w_schedule")) return <EdgeRows />;
  if (shape.kind === "named") return <NamedField field={field} path={path} item={shape.item} />;
  return <FieldRow field={field} path={path} />;
}

/** A frame around what belongs together. */
export function Group({ label, help, path, edit, aside, children }: { label: string; help: string; path: readonly string[]; edit?: boolean; aside?: ReactNode; children: ReactNode }) {
  const { problems } = useForm();
  const id = useId();
  return (
    <div role="group" aria-labelledby={id} className={classes.group} data-field={pathName(path)}>
      <div className={classes.groupHead}>
        <span id={id} className={classes.label}>
          {label}
          {edit && <EditMark />}
        </span>
        {aside}
      </div>
      {help && (
        <p className={classes.help}>
          <Help text={help} />
        </p>
      )}
      <Wrong messages={problems.get(pathName(path))} />
      {children}
    </div>
  );
}

/** A part inside a part; an optional one has a switch. */
function InnerPart({ field, path, shape }: { field: Field; path: readonly string[]; shape: Shape & { kind: "part" } }) {
  const form = useForm();
  const value = at(form.data, path);
  const isOn = isMapping(value);
  const toggle = field.optional && (
    <label className={classes.toggle}>
      <input type="checkbox" role="switch" className={classes.switch} checked={isOn} aria-label={`Use ${field.label}`} onChange={() => (isOn ? form.reset(path) : form.set(path, {}))} />
    </label>
  );
  return (
    <Group label={field.label} help={field.help || shape.help} path={path} edit={field.edit !== null} aside={toggle}>
      {(isOn || !field.optional) && <Fields fields={shape.fields} path={path} />}
    </Group>
  );
}

function NamedField({ field, path, item }: { field: Field; path: readonly string[]; item: Shape }) {
  const isParts = item.kind !== "number" && item.kind !== "free" && item.kind !== "text";
  return (
    <Group label={field.label} help={field.help} path={path} edit={field.edit !== null}>
      {isParts ? <NamedParts path={path} item={item} /> : <NamedValues path={path} item={item} />}
    </Group>
  );
}

/** The fields of the variant that is chosen, after the choice itself. */
export function VariantFields({ path, tag, variants, first }: { path: readonly string[]; tag: string; variants: readonly Variant[]; first?: readonly string[] }) {
  const form = useForm();
  const value = at(form.data, path);
  const chosen = variants.find((variant) => variant.name === at(value, [tag]));
  const field: Field = {
    name: tag,
    label: tag === "source" ? "Source" : "Kind",
    help: chosen?.help ?? "",
    edit: null,
    required: true,
    optional: false,
    fallback: undefined,
    shape: { kind: "choice", options: variants.map((variant) => variant.name) },
  };
  const choose = (name: string): void => {
    const kept = new Set(variants.find((variant) => variant.name === name)?.fields.map((each) => each.name));
    const rest = isMapping(value) ? Object.entries(value).filter(([key]) => kept.has(key)) : [];
    form.set(path, { [tag]: name, ...Object.fromEntries(rest) });
  };
  return (
    <>
      <VariantChoice field={field} path={[...path, tag]} choose={choose} />
      {chosen && <Fields fields={chosen.fields} path={path} first={first} />}
    </>
  );
}

function VariantChoice({ field, path, choose }: { field: Field; path: readonly string[]; choose: (name: string) => void }) {
  const form = useForm();
  const id = useId();
  const value = at(form.data, path);
  const messages = form.problems.get(pathName(path));
  const options = field.shape.kind === "choice" ? field.shape.options : [];
  if (form.onlyChanged && !messages) return null;
  return (
    <div className={classes.row} data-field={pathName(path)}>
      <div className={classes.words}>
        <label htmlFor={id} className={classes.label}>
          {field.label}
        </label>
        {field.help && <p className={classes.help}>{field.help}</p>}
      </div>
      <div className={classes.control}>
        <select id={id} className={classes.input} aria-invalid={messages ? true : undefined} value={typeof value === "string" ? value : ""} onChange={(event) => choose(event.currentTarget.value)}>
          {!options.includes(String(value)) && <option value={typeof value === "string" ? value : ""}>{typeof value === "string" ? value : "choose …"}</option>}
          {options.map((option) => (
            <option key={option}>{option}</option>
          ))}
        </select>
      </div>
      <Wrong messages={messages} />
    </div>
  );
}
