import { useQuery } from "@tanstack/react-query";
import { overlapsQuery } from "../../../api/agreement";
import { figureListQuery } from "../../../api/queries";
import type { Run } from "../../../api/types";
import { useParam } from "../../../app/router";
import { AgreementChart } from "../../../charts/AgreementChart";
import { useAxis } from "../../../charts/Looks";
import { asOf, told } from "../../../charts/matrices";
import { useLive } from "../../../live/useLiveRun";
import { PageSkeleton } from "../../../parts/PageSkeleton";
import { usePolicyColours } from "../../../parts/policyColour";
import { ProblemAlert } from "../../../parts/Problem";
import { waitingText } from "../runText";
import { Absorbed } from "./Absorbed";
import { Facts } from "./Facts";
import { Multiples } from "./Multiples";
import { OnePair, pairsOf, type PairNames } from "./OnePair";
import classes from "./Agreement.module.css";

/** How alike the experts think: the matrix and its past, one pair in every measure, and what distillation brought. */
export function AgreementTab({ run }: { run: Run }) {
  const { data: figures, error, refetch } = useQuery(figureListQuery(run.id));
  const x = useAxis();
  const colour = usePolicyColours(run.policies);
  const [pair, choosePair, isFollowing] = usePair(run, figures ? pairsOf(figures) : []);
  if (error && !figures) return <ProblemAlert error={error} onRetry={() => void refetch()} />;
  if (!figures) return <PageSkeleton />;
  if (!pair) return <p className={classes.waiting}>Only one policy trains here, so there is nobody to agree with.</p>;
  return (
    <div className={classes.tab}>
      <section className={classes.section} aria-labelledby="alike">
        <h2 id="alike">How alike they think</h2>
        <Facts run={run} colour={colour} onPair={choosePair} />
        <div className={classes.halves}>
          <AgreementChart runId={run.id} title="Do the experts still think alike?" height={320} waiting={waitingText("agreement", run)} />
          <Multiples run={run} />
        </div>
      </section>
      <OnePair run={run} figures={figures} pair={pair} onPair={choosePair} isFollowing={isFollowing} x={x} />
      {run.edges.length > 0 && <Absorbed run={run} x={x} colour={colour} />}
    </div>
  );
}

/** The pair of the URL, else the least alike now. */
function usePair(run: Run, pairs: readonly PairNames[]): [PairNames | null, (student: string, teacher: string) => void, boolean] {
  const ready = useLive((view) => view.ready);
  const [text, setText] = useParam("pair", "");
  const { data } = useQuery({ ...overlapsQuery(run.id, ""), enabled: ready });
  const asked = pairs.find(([student, teacher]) => `${student},${teacher}` === text);
  const newest = data && asOf(data);
  const least = newest && told(newest.matrix, data)?.lowest;
  const chosen = asked ?? (least ? ([least.student, least.teacher] as const) : pairs[0]);
  return [chosen ?? null, (student, teacher) => setText(`${student},${teacher}`), !asked];
}
