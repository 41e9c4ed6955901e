import { useState } from "react";
import { Icon } from "../../../parts/Icon";
import { NumberInput } from "./Control";
import { Wrong } from "./FieldRow";
import { isChanged, pathName, useForm, type Form } from "./FormContext";
import { at, isMapping, type Field } from "./shape";
import classes from "./Form.module.css";

type Edge = readonly [string, string];
const weight = (fallback: number): Field => ({ name: "w", label: "", help: "", edit: "value", required: false, optional: false, fallback, shape: { kind: "number", whole: false, range: "0 to 1,000" } });
const bare: Field = { ...weight(1), fallback: undefined };

/** The edges of the topology, and those that the text names. */
function edgesOf(form: Form): Edge[] {
  const found = new Map<string, Edge>();
  const add = (student: string, teacher: string): unknown => found.set(`${student} ${teacher}`, [student, teacher]);
  for (const [student = "", teacher = ""] of form.edges) add(student, teacher);
  for (const table of ["w", "w_schedule"]) {
    for (const [student, row] of Object.entries(isMapping(form.data[table]) ? form.data[table] : {})) for (const teacher of Object.keys(isMapping(row) ? row : {})) add(student, teacher);
  }
  return [...found.values()];
}

/** Who follows whom how strongly: one row for each edge, with where its weight moves to. */
export function EdgeRows() {
  const form = useForm();
  const edges = edgesOf(form).filter(([student, teacher]) => isShown(form, student, teacher));
  return (
    <>
      {edges.length > 0 ? (
        <table className={classes.edges}>
          <thead>
            <tr>
              <th scope="col">Student ← teacher</th>
              <th scope="col">Weight</th>
              <th scope="col">Moves to</th>
              <th scope="col">Over steps</th>
            </tr>
          </thead>
          <tbody>
            {edges.map(([student, teacher]) => (
              <EdgeRow key={`${student} ${teacher}`} student={student} teacher={teacher} />
            ))}
          </tbody>
        </table>
      ) : (
        <p className={classes.help}>There is no edge: nobody teaches anybody.</p>
      )}
      {at(form.data, ["opd", "topology"]) === "custom" && <AddEdge />}
    </>
  );
}

function isShown(form: Form, student: string, teacher: string): boolean {
  if (form.onlyChanged && !isChanged(form, ["w", student, teacher]) && !isChanged(form, ["w_schedule", student, teacher])) return false;
  return !form.search || `w.${student}.${teacher} w_schedule.${student}.${teacher} weights`.includes(form.search.toLowerCase());
}

function EdgeRow({ student, teacher }: { student: string; teacher: string }) {
  const form = useForm();
  const ramp = ["w_schedule", student, teacher];
  const cells: [string, string[], Field][] = [
    ["Weight", ["w", student, teacher], weight(1)],
    ["Moves to", [...ramp, "end"], bare],
    ["Over steps", [...ramp, "steps"], bare],
  ];
  const messages = [...cells.flatMap(([, path]) => form.problems.get(pathName(path)) ?? []), ...(form.problems.get(pathName(ramp)) ?? [])];
  return (
    <>
      <tr>
        <th scope="row">
          {student} ← {teacher}
        </th>
        {cells.map(([name, path, field]) => (
          <td key={name} data-field={pathName(path)}>
            <label>
              <span className="visually-hidden">
                {name}: {student} ← {teacher}
              </span>
              <NumberInput id={`edge-${path.join("-")}`} field={field} path={path} value={at(form.data, path)} described={undefined} wrong={form.problems.has(pathName(path))} />
            </label>
          </td>
        ))}
      </tr>
      {messages.length > 0 && (
        <tr>
          <td colSpan={4}>
            <Wrong messages={messages} />
          </td>
        </tr>
      )}
    </>
  );
}

/** A custom topology takes its edges from here. */
function AddEdge() {
  const form = useForm();
  const experts = Object.keys(isMapping(form.data["experts"]) ? form.data["experts"] : {});
  const [student, setStudent] = useState("");
  const [teacher, setTeacher] = useState("");
  const select = (label: string, value: string, choose: (name: string) => void) => (
    <select className={classes.input} aria-label={label} value={value} onChange={(event) => choose(event.currentTarget.value)}>
      <option value="">{label.toLowerCase()} …</option>
      {experts.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
  return (
    <div className={classes.addEdge}>
      {select("Student", student, setStudent)}
      <span aria-hidden="true">←</span>
      {select("Teacher", teacher, setTeacher)}
      <button type="button" className={classes.add} disabled={!student || !teacher || student === teacher} onClick={() => form.set(["w", student, teacher], 1)}>
        <Icon name="plus" size={14} /> Add an edge
      </button>
    </div>
  );
}
