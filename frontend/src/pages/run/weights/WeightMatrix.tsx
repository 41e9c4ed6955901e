import type { Run } from "../../../api/types";
import { PolicyName } from "../../../parts/PolicyName";
import { EditableValue } from "./EditableValue";
import { pendingEdit } from "./edits";
import classes from "./Weights.module.css";

interface Props {
  run: Run;
  colour: (policy: string) => string;
  locked: boolean;
  onSet: (path: string, value: boolean | number | string) => void;
}

/** Student × teacher: how strongly each student follows each teacher. Only edges of the topology can be changed. */
export function WeightMatrix({ run, colour, locked, onSet }: Props) {
  const taught = new Set(run.edges.flatMap(([student]) => student ?? []));
  const teaching = new Set(run.edges.flatMap(([, teacher]) => teacher ?? []));
  const names = [...new Set([...run.policies.map((policy) => policy.name), ...teaching])]; // in the order of the run, so that rows and columns agree
  const [students, teachers] = [names.filter((name) => taught.has(name)), names.filter((name) => teaching.has(name))];
  return (
    <section className={classes.card} aria-label="Distillation weights">
      <h2>Distillation weights</h2>
      <p className={classes.lead}>How strongly a student follows a teacher in the OPD phase. 0 switches an edge off; 1 is the method&rsquo;s own strength.</p>
      <div className={classes.scroll} tabIndex={0} role="region" aria-label="Weights by student and teacher">
        <table className={classes.matrix}>
          <thead>
            <tr>
              <th scope="col" className={classes.corner}>
                student ↓ teacher →
              </th>
              {teachers.map((teacher) => (
                <th scope="col" key={teacher}>
                  <PolicyName name={teacher} colour={colour(teacher)} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {students.map((student) => (
              <tr key={student}>
                <th scope="row">
                  <PolicyName name={student} colour={colour(student)} />
                </th>
                {teachers.map((teacher) => (
                  <Cell key={teacher} run={run} student={student} teacher={teacher} locked={locked} onSet={onSet} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Cell({ run, student, teacher, locked, onSet }: Omit<Props, "colour"> & { student: string; teacher: string }) {
  const path = `w.${student}.${teacher}`;
  const control = run.controls.find((c) => c.path === path);
  if (student === teacher) return <td className={classes.self} aria-label="an expert cannot teach itself" />;
  if (!control) {
    return (
      <td className={classes.noEdge}>
        <span title="not an edge of this topology">–</span>
      </td>
    );
  }
  return (
    <td>
      <EditableValue
        control={control}
        label={`Weight of teacher ${teacher} for student ${student}`}
        pending={pendingEdit(run.edits, path)}
        locked={locked}
        onSet={(value) => onSet(path, value)}
      />
    </td>
  );
}
