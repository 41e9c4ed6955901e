import type { AgreementHistory } from "../../api/types";
import { useHeat } from "../../charts/heat";
import { olderStep, type AsOf } from "../../charts/matrices";
import classes from "./Compare.module.css";

/** The least a column is wide: "step 1440" fits. */
const COLUMN = 64;

/** A matrix as a table whose cells are coloured: rows are students, columns teachers. Small enough to stand beside many others. A cell older
 * than the matrix says its step. */
export function Heat({ history, shown, name }: { history: AgreementHistory; shown: AsOf; name: string }) {
  const heat = useHeat();
  const width = COLUMN * (1 + history.teachers.length);
  return (
    <div className={classes.heatScroll} tabIndex={0} role="region" aria-label={`Agreement of ${name}`}>
      <table className={classes.heat} style={{ minWidth: width }}>
        <thead>
          <tr>
            <td />
            {history.teachers.map((teacher) => (
              <th scope="col" key={teacher}>
                {teacher}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {history.students.map((student, i) => (
            <tr key={student}>
              <th scope="row">{student}</th>
              {history.teachers.map((teacher, j) => {
                const value = shown.matrix[i]?.[j] ?? null;
                if (value === null) return <td key={teacher} />;
                const { background, ink } = heat(value);
                const older = olderStep(shown, i, j);
                return (
                  <td key={teacher} style={{ background, color: ink }}>
                    {value.toFixed(2)}
                    {older !== null && <div>step {older}</div>}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
