import { useRef, useState, type KeyboardEvent } from "react";
import { PolicyName } from "../../../parts/PolicyName";
import { EdgeEditor } from "./EdgeEditor";
import { move, type Place } from "./grid";
import { weightPath } from "./schedule";
import type { Clock } from "./useClock";
import type { Steering } from "./useSteering";
import classes from "./Weights.module.css";

export interface WeightsProps {
  steering: Steering;
  clock: Clock;
  colour: (policy: string) => string;
  /** The path of the edge whose editor is open. */
  open: string | null;
  onOpen: (path: string | null) => void;
  /** The path of the edge that is pointed at, here or in the graph. */
  lit: string | null;
  onLit: (path: string | null) => void;
}

/** Student × teacher as a grid: one stop of the Tab key, arrows move, Enter edits, Esc reverts. Only edges of the topology can be changed. */
export function WeightGrid({ students, teachers, ...props }: WeightsProps & { students: readonly string[]; teachers: readonly string[] }) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [place, setPlace] = useState<Place>(() => ({ row: 0, column: Math.max(0, teachers.findIndex((teacher) => teacher !== students[0])) }));
  const cell = ({ row, column }: Place): HTMLElement | null | undefined => {
    const found = body.current?.rows[row]?.cells[column + 1];
    return found?.querySelector("button") ?? found;
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTableElement>): void => {
    if (!event.currentTarget.contains(event.target as Element)) return; // an open editor stands elsewhere in the page
    const next = move(event.key, event.ctrlKey || event.metaKey, place, students.length, teachers.length);
    if (!next) {
      if (event.key === "F2") cell(place)?.click();
      return;
    }
    event.preventDefault();
    setPlace(next);
    cell(next)?.focus();
  };
  return (
    <div className={classes.scroll}>
      <table role="grid" aria-label="Weights by student and teacher" aria-readonly={props.steering.locked} className={classes.matrix} onKeyDown={onKeyDown}>
        <thead>
          <tr>
            <th scope="col" className={classes.corner}>
              student ↓ teacher →
            </th>
            {teachers.map((teacher) => (
              <th scope="col" key={teacher}>
                <PolicyName name={teacher} colour={props.colour(teacher)} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={body}>
          {students.map((student, row) => (
            <tr key={student}>
              <th scope="row">
                <PolicyName name={student} colour={props.colour(student)} />
              </th>
              {teachers.map((teacher, column) => (
                <Cell key={teacher} {...props} student={student} teacher={teacher} isStop={place.row === row && place.column === column} onFocus={() => setPlace({ row, column })} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

type CellProps = WeightsProps & { student: string; teacher: string; isStop: boolean; onFocus: () => void };

function Cell({ steering, clock, open, onOpen, lit, onLit, student, teacher, isStop, onFocus }: CellProps) {
  const edge = { student, teacher };
  const path = weightPath(edge);
  const tabIndex = isStop ? 0 : -1;
  if (student === teacher) return <td role="gridcell" tabIndex={tabIndex} onFocus={onFocus} aria-readonly className={classes.self} aria-label={`${student} cannot teach itself`} />;
  if (!steering.run.controls.some((control) => control.path === path)) {
    return (
      <td role="gridcell" tabIndex={tabIndex} onFocus={onFocus} aria-readonly className={classes.noEdge} aria-label={`${student} does not learn from ${teacher} in this topology`}>
        <span aria-hidden="true">–</span>
      </td>
    );
  }
  const stop = steering.locked ? { tabIndex, "aria-readonly": true } : {};
  const light = (): void => onLit(path);
  return (
    <td
      role="gridcell"
      {...stop}
      data-lit={lit === path || undefined}
      onMouseEnter={light}
      onMouseLeave={() => onLit(null)}
      onFocus={() => {
        onFocus();
        light();
      }}
      onBlur={() => onLit(null)}
    >
      <EdgeEditor edge={edge} steering={steering} clock={clock} opened={open === path} onOpen={onOpen} tabIndex={tabIndex} />
    </td>
  );
}
