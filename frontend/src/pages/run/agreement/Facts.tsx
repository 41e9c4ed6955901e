import { useQuery } from "@tanstack/react-query";
import { overlapsQuery } from "../../../api/agreement";
import type { Run } from "../../../api/types";
import { useParam } from "../../../app/router";
import { asOf, told } from "../../../charts/matrices";
import { useLive } from "../../../live/useLiveRun";
import { PolicyName } from "../../../parts/PolicyName";
import classes from "./Agreement.module.css";

interface Props {
  run: Run;
  colour: (policy: string) => string;
  onPair: (student: string, teacher: string) => void;
}

/** How alike the experts are now, and when and between whom that was lowest. */
export function Facts({ run, colour, onPair }: Props) {
  const ready = useLive((view) => view.ready);
  const [, setAt] = useParam("at", "");
  const { data } = useQuery({ ...overlapsQuery(run.id, ""), enabled: ready });
  const newest = data && asOf(data);
  const now = newest && told(newest.matrix, data);
  if (!data?.lowest || !now) return null;
  const { lowest } = data;
  const measured = newest.measured[data.students.indexOf(now.lowest.student)]?.[data.teachers.indexOf(now.lowest.teacher)];
  const show = (): void => {
    onPair(lowest.student, lowest.teacher);
    setAt(lowest.step === newest.step ? "" : String(lowest.step));
  };
  return (
    <dl className={classes.facts}>
      <div>
        <dt>Lowest overlap so far</dt>
        <dd>
          <strong>{lowest.value.toFixed(2)}</strong> <Pair student={lowest.student} teacher={lowest.teacher} colour={colour} />
          <button type="button" className={classes.show} onClick={show}>
            at step {lowest.step}
          </button>
        </dd>
      </div>
      <div>
        <dt>Least alike now</dt>
        <dd>
          <strong>{now.lowest.value.toFixed(2)}</strong> <Pair student={now.lowest.student} teacher={now.lowest.teacher} colour={colour} /> at step {measured}
        </dd>
      </div>
      <div>
        <dt>Mean of all pairs, each as measured last</dt>
        <dd>
          <strong>{now.mean.toFixed(2)}</strong> of their likeliest tokens shared
        </dd>
      </div>
    </dl>
  );
}

export function Pair({ student, teacher, colour }: { student: string; teacher: string; colour: (policy: string) => string }) {
  return (
    <span className={classes.pair}>
      <PolicyName name={student} colour={colour(student)} />
      <span aria-hidden="true">←</span>
      <span className="visually-hidden">with</span>
      <PolicyName name={teacher} colour={colour(teacher)} />
    </span>
  );
}
