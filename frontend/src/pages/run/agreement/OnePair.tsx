import { Button, NativeSelect } from "@mantine/core";
import type { XAxis } from "../../../api/queries";
import type { FigureList, Run } from "../../../api/types";
import { FigureChart } from "../../../charts/FigureChart";
import { Looks } from "../../../charts/Looks";
import { Icon } from "../../../parts/Icon";
import { waitingText } from "../runText";
import classes from "./Agreement.module.css";

export type PairNames = readonly [student: string, teacher: string];

/** The pairs that are compared. */
export const pairsOf = (figures: FigureList): PairNames[] => figures.pairs.map(([student = "", teacher = ""]) => [student, teacher] as const);

interface Props {
  run: Run;
  figures: FigureList;
  pair: PairNames;
  onPair: (student: string, teacher: string) => void;
  /** Nobody chose it: it is the least alike now, and another when that changes. */
  isFollowing: boolean;
  x: XAxis;
}

const unique = (names: readonly string[]): string[] => [...new Set(names)];

/** Two policies side by side: every measure of how alike they are, in each domain and on the whole. */
export function OnePair({ run, figures, pair: [student, teacher], onPair, isFollowing, x }: Props) {
  const pairs = pairsOf(figures);
  const students = unique(pairs.map(([name]) => name));
  const partners = (name: string): string[] => pairs.filter(([of]) => of === name).map(([, other]) => other);
  const chooseStudent = (name: string): void => onPair(name, partners(name).includes(teacher) ? teacher : (partners(name)[0] ?? teacher));
  const canSwap = partners(teacher).includes(student);
  return (
    <section className={classes.section} aria-labelledby="one-pair">
      <header className={classes.head}>
        <h2 id="one-pair">One pair at a time</h2>
        <div className={classes.picker} role="group" aria-label="Pair">
          <NativeSelect size="xs" aria-label="Student" data={students} value={student} onChange={(event) => chooseStudent(event.currentTarget.value)} className={classes.select} />
          <span aria-hidden="true">←</span>
          <NativeSelect size="xs" aria-label="Teacher" data={partners(student)} value={teacher} onChange={(event) => onPair(student, event.currentTarget.value)} className={classes.select} />
          <Button size="xs" variant="default" disabled={!canSwap} onClick={() => onPair(teacher, student)} leftSection={<Icon name="repeat" size={14} />}>
            Swap
          </Button>
          {isFollowing && <span className={classes.following}>the least alike now</span>}
        </div>
        <Looks />
      </header>
      <div className={classes.charts}>
        {figures.pair_measures.map(({ measure, title }) => (
          <FigureChart
            key={`${measure}.${student}.${teacher}`}
            runId={run.id}
            name={`pair.${measure}.${student}.${teacher}`}
            title={title.replaceAll("{student}", student).replaceAll("{teacher}", teacher)}
            x={x}
            height={250}
            waiting={waitingText("agreement", run)}
          />
        ))}
      </div>
    </section>
  );
}
