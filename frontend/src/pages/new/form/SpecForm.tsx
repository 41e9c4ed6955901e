import { useMemo, useState, type ReactNode } from "react";
import { Icon } from "../../../parts/Icon";
import { setting } from "../../../parts/numbers";
import type { FieldProblem } from "../../../api/types";
import { read } from "../yaml/read";
import type { Mapping, Plain } from "../yaml/scalars";
import { EdgeRows } from "./Edges";
import { withField, withoutField } from "./edits";
import { EditMark, Wrong } from "./FieldRow";
import { FormProvider, hasProblem, isChanged, passes, useForm, type Form } from "./FormContext";
import { Help } from "./Help";
import { NamedParts } from "./Named";
import { Fields } from "./Parts";
import { removed, renamed } from "./references";
import { at, isMapping, type Field } from "./shape";
import classes from "./Form.module.css";

interface Props {
  text: string;
  fields: readonly Field[];
  origin: string | null;
  problems: readonly FieldProblem[];
  edges: readonly (readonly string[])[];
  onChange: (text: string) => void;
}

const TITLES: Record<string, string> = { rlvr: "RLVR, phase I", opd: "Distillation (OPD), phase II", w: "Weights between experts" };
/** What a first look at a section shows; the rest is a click away, or shown because it is set. */
const FIRST: Record<string, readonly string[]> = {
  "": ["name", "method", "rounds", "seed"],
  model: ["path", "dtype", "lora"],
  rlvr: ["steps", "prompts", "group", "loss"],
  opd: ["steps", "sync_every", "topology", "loss"],
  optimizer: ["lr", "schedule", "warmup"],
  evaluation: ["every", "prompts", "temperature"],
};
const OPEN = new Set(["model", "domains", "experts", "rlvr", "opd"]);
const WRONG_TEXT: Mapping = {};

/** All fields of a spec, each showing and changing its place in the text. */
export function SpecForm({ text, fields, origin, problems, edges, onChange }: Props) {
  const [search, setSearch] = useState("");
  const [onlyChanged, setOnlyChanged] = useState(false);
  const { data, whole } = useMemo(() => read(text), [text]);
  const started = useMemo(() => (origin === null ? null : read(origin).data), [origin]);
  const byPath = useMemo(() => grouped(problems), [problems]);
  const form: Form = {
    fields,
    data: whole ? data : WRONG_TEXT,
    origin: started,
    problems: byPath,
    edges,
    search: search.trim(),
    onlyChanged,
    set: (path, value, written) => onChange(withField(text, fields, path, value, written)),
    reset: (path) => onChange(withoutField(text, fields, path)),
    rename: (kind, name, to) => onChange(renamed(text, kind, name, to)),
    remove: (kind, name) => onChange(removed(text, kind, name)),
  };
  if (!whole || "spec" in data) return <Unreadable isRecipe={"spec" in data} />;
  const scalars = fields.filter((field) => !isSection(field));
  const sections = fields.filter((field) => isSection(field) && field.name !== "w_schedule");
  return (
    <FormProvider value={form}>
      <section className={classes.form} aria-label="Form">
        <div className={classes.tools}>
          <span className={classes.search}>
            <Icon name="search" size={16} />
            <input type="search" className={classes.input} aria-label="Search fields" placeholder="Search fields" value={search} onChange={(event) => setSearch(event.currentTarget.value)} />
          </span>
          <label className={classes.only}>
            <input type="checkbox" className={classes.check} checked={onlyChanged} onChange={(event) => setOnlyChanged(event.currentTarget.checked)} /> Only what I changed
          </label>
          <span className={classes.legend}>
            <Icon name="edit" size={12} /> can be changed while it trains
          </span>
        </div>
        <Section name="" title="Run" help="" isEdit={false} isOpenAtFirst isShown={scalars.some((field) => passes(form, field, [field.name]) !== false)}>
          <Fields fields={scalars} path={[]} first={FIRST[""]} />
        </Section>
        {sections.map((field) => (
          <FieldSection key={field.name} field={field} />
        ))}
        <Nothing fields={fields} />
      </section>
    </FormProvider>
  );
}

function isSection({ shape }: Field): boolean {
  return shape.kind === "part" || shape.kind === "named";
}

function grouped(problems: readonly FieldProblem[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { field, message } of problems) found.set(field, [...(found.get(field) ?? []), message]);
  return found;
}

function Unreadable({ isRecipe }: { isRecipe: boolean }) {
  return (
    <section className={classes.form} aria-label="Form">
      <p className={classes.unreadable}>
        {isRecipe
          ? "The text is a recipe: a spec with the edits of an earlier run, each where it took effect. A recipe is changed in its text."
          : "The form shows the text once that is valid YAML. Mend it in the editor: the form follows."}
      </p>
    </section>
  );
}

function Nothing({ fields }: { fields: readonly Field[] }) {
  const form = useForm();
  if (fields.some((field) => passes(form, field, [field.name]) !== false)) return null;
  return (
    <p className={classes.unreadable} role="status">
      {form.search ? `No field ${form.onlyChanged ? "you changed " : ""}has “${form.search}” in its name or help.` : "Nothing is changed yet."}
    </p>
  );
}

function FieldSection({ field }: { field: Field }) {
  const form = useForm();
  const { name, shape } = field;
  const path = [name];
  const isEdges = name === "w";
  const value = form.data[name];
  const isNeeded = name === "teachers" ? form.data["method"] === "opd" || value !== undefined : OPEN.has(name) || (isEdges && value !== undefined);
  const isWrong = hasProblem(form, path) || (isEdges && hasProblem(form, ["w_schedule"]));
  const isShown = isEdges ? passesEdges(form, field) : passes(form, field, path) !== false;
  const help = isEdges ? "How strongly a student follows a teacher: 0 not at all, 1 unless set. A weight may move to another one in a line, over the student’s first steps." : shape.kind === "part" ? shape.help : field.help;
  return (
    <Section name={name} title={TITLES[name] ?? field.label} help={help} summary={summaryOf(value)} isEdit={field.edit !== null} isOpenAtFirst={isNeeded} isWrong={isWrong} isShown={isShown}>
      <Wrong messages={form.problems.get(name)} />
      {isEdges && <EdgeRows />}
      {!isEdges && shape.kind === "named" && <NamedParts path={path} item={shape.item} />}
      {shape.kind === "part" && <Fields fields={shape.fields} path={path} first={FIRST[name]} />}
    </Section>
  );
}

function passesEdges(form: Form, field: Field): boolean {
  if (form.onlyChanged && !isChanged(form, ["w"]) && !isChanged(form, ["w_schedule"])) return false;
  return !form.search || passes({ ...form, onlyChanged: false }, field, ["w"]) === true || "w_schedule weights".includes(form.search.toLowerCase());
}

interface SectionProps {
  name: string;
  title: string;
  help: string;
  summary?: string;
  isEdit: boolean;
  isOpenAtFirst: boolean;
  isWrong?: boolean;
  isShown: boolean;
  children: ReactNode;
}

/** A heading that opens and closes what is below it. Open too while something in it is wrong, or is looked for. */
function Section({ name, title, help, summary = "", isEdit, isOpenAtFirst, isWrong = false, isShown, children }: SectionProps) {
  const form = useForm();
  const [choice, setChoice] = useState<boolean | null>(null);
  const isFiltered = form.search !== "" || form.onlyChanged;
  const isOpen = isFiltered || isWrong || (choice ?? isOpenAtFirst);
  if (!isShown) return null;
  return (
    <div role="group" aria-label={title} className={classes.section} data-section={name}>
      <h2 className={classes.heading}>
        <button type="button" aria-expanded={isOpen} onClick={() => setChoice(!isOpen)}>
          <Icon name="chevron" size={14} />
          {title}
          {!isOpen && summary && <span className={classes.summary}>{summary}</span>}
        </button>
      </h2>
      {isOpen && (
        <div className={classes.body}>
          {help && !isFiltered && (
            <p className={classes.help}>
              <Help text={help} /> {isEdit && <EditMark />}
            </p>
          )}
          {children}
        </div>
      )}
    </div>
  );
}

/** What a closed section has set: "lr 0.0002, warmup 10". */
function summaryOf(value: Plain | undefined): string {
  if (!isMapping(value)) return "";
  return Object.entries(value)
    .map(([name, inner]) => (isMapping(inner) || Array.isArray(inner) ? name : `${name} ${setting(at(inner, []))}`))
    .join(", ");
}

/** Puts the focus on a field, or on the nearest that is there. False where there is none. */
export function focusField(path: string): boolean {
  const names = path.split(".");
  for (let depth = names.length; depth > 0; depth -= 1) {
    const row = document.querySelector(`[data-field="${CSS.escape(names.slice(0, depth).join("."))}"]`) ?? (depth === 1 ? document.querySelector(`[data-section="${CSS.escape(names[0] ?? "")}"]`) : null);
    // its button that resets it comes first
    const control = row?.querySelector<HTMLElement>("input, select, textarea") ?? row?.querySelector<HTMLElement>("button");
    if (!control) continue;
    control.focus();
    if (control instanceof HTMLInputElement && control.type === "text") control.select();
    return true;
  }
  return false;
}
