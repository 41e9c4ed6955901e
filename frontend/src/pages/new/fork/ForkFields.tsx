import type { ControlView, EditView, FieldProblem, Run } from "../../../api/types";
import { FieldRow } from "../form/FieldRow";
import { FormProvider, type Form } from "../form/FormContext";
import { fieldsAt, labelOf, type Field } from "../form/shape";
import { read } from "../yaml/read";
import type { Mapping } from "../yaml/scalars";
import { setAt } from "../yaml/write";
import { valueAtCut, type Value } from "./cut";
import type { ForkDraft } from "./useFork";
import classes from "../form/Form.module.css";
import own from "./ForkPage.module.css";

interface Props {
  run: Run;
  later: readonly EditView[];
  fields: readonly Field[];
  draft: ForkDraft;
  problems: readonly FieldProblem[];
}

const GROUPS: readonly { title: string; help: string; has: (control: ControlView) => boolean }[] = [
  { title: "Weights between experts", help: "How strongly a student follows a teacher, from its first step here.", has: ({ path }) => path.startsWith("w.") || path.startsWith("w_schedule.") },
  { title: "Plan", help: "What the rounds from here on are made of.", has: ({ kind }) => kind === "structure" },
  { title: "Values", help: "What every step uses, from the first one here.", has: () => true },
];

/** Everything that a fork may change, as it is at the cut until it is changed. */
export function ForkFields({ run, later, fields, draft, problems }: Props) {
  const form: Form = {
    fields,
    data: nested(draft.changes),
    origin: null,
    problems: new Map(problems.map(({ field, message }) => [field, [message]])),
    edges: [],
    search: "",
    onlyChanged: false,
    set: (path, value) => draft.setAll({ [path.join(".")]: value as Value }),
    reset: (path) => draft.unset(path.join(".")),
    rename: () => undefined,
    remove: () => undefined,
  };
  const left = [...run.controls];
  const groups = GROUPS.map((group) => ({ ...group, controls: left.filter(group.has).filter((control) => left.splice(left.indexOf(control), 1).length) }));
  return (
    <FormProvider value={form}>
      {groups
        .filter(({ controls }) => controls.length > 0)
        .map(({ title, help, controls }) => (
          <div key={title} className={`${classes.section} ${own.fields}`}>
            <h2 className={own.title}>{title}</h2>
            <p className={classes.help}>{help}</p>
            {controls.map((control) => (
              <FieldRow key={control.path} field={fieldOf(control, fields, run, later)} path={control.path.split(".")} />
            ))}
          </div>
        ))}
      <div className={`${classes.section} ${own.fields}`}>
        <label className={own.reseed}>
          <input type="checkbox" className={classes.switch} checked={draft.reseed} onChange={(event) => draft.setReseed(event.currentTarget.checked)} />
          <span>
            Train on with the next seed
            <span className={classes.help}> other prompts and samples; without it, and without other changes, the fork does what the run did</span>
          </span>
        </label>
      </div>
    </FormProvider>
  );
}

function nested(changes: Readonly<Record<string, Value>>): Mapping {
  return read(Object.entries(changes).reduce((text, [path, value]) => setAt(text, path.split("."), value), "")).data;
}

/** The schema's field, with what it is at the cut in place of its default. */
function fieldOf(control: ControlView, fields: readonly Field[], { spec }: Run, later: readonly EditView[]): Field {
  const path = control.path.split(".");
  const [table, student, teacher, part] = path;
  const known = fieldsAt(fields, path.slice(0, -1), spec as Mapping).find((field) => field.name === path.at(-1));
  const isEdge = table === "w" || table === "w_schedule";
  const edge = `${student} ← ${teacher}`;
  return {
    name: path.at(-1) ?? "",
    label: table === "w" ? edge : isEdge ? `${edge} ${part === "end" ? "moves to" : "over steps"}` : (known?.label ?? labelOf(path.at(-1) ?? "")) + inside(path),
    help: isEdge ? "" : control.description,
    edit: null,
    required: false,
    optional: false,
    fallback: valueAtCut(control, later),
    fallbackWord: "as it is",
    shape: known?.shape ?? { kind: "number", whole: part === "steps", range: "" },
  };
}

const inside = (path: readonly string[]): string => (path.length > 1 ? ` (${labelOf(path[0]!)})` : "");
