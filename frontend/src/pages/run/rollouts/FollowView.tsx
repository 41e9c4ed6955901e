import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { probesQuery } from "../../../api/queries";
import { probeHistoryQuery } from "../../../api/rollouts";
import type { ProbeView, Run } from "../../../api/types";
import { useParam } from "../../../app/router";
import { usePolicyColours } from "../../../parts/policyColour";
import { ProblemAlert } from "../../../parts/Problem";
import { isOver } from "../runText";
import { PromptCard } from "./PromptCard";
import { Strip } from "./Strip";
import { setParams } from "./useFilter";
import list from "./List.module.css";
import classes from "./Rollouts.module.css";

const nameOf = ({ domain, index }: Pick<ProbeView, "domain" | "index">) => `${domain}/${index}`;

/** One held-out prompt through training: what each policy answered at every step at which it was asked. */
export function FollowView({ run }: { run: Run }) {
  const { data, error, refetch } = useQuery(probesQuery(run.id));
  const [wanted] = useParam("prompt", "");
  const probes = data?.probes ?? [];
  const chosen = probes.find((probe) => nameOf(probe) === wanted) ?? probes[0];
  if (error) return <ProblemAlert error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton role="group" height={420} aria-label="Loading" />;
  if (!chosen) {
    const words = isOver(run.state) ? "No answers were kept." : "No answer yet. Held-out prompts are first answered by the base, before training.";
    return <div className={classes.none}>{words}</div>;
  }
  return (
    <div className={classes.columns}>
      <div className={classes.prompts}>
        <ol className={list.list} aria-label="Held-out prompts">
          {probes.map((probe) => (
            <li key={nameOf(probe)}>
              <button
                type="button"
                className={list.item}
                aria-current={probe === chosen || undefined}
                onClick={() => setParams({ prompt: nameOf(probe), step: "" })}
              >
                <span className={list.dim}>
                  {probe.domain}, prompt {probe.index + 1}
                </span>
                <span className={list.body}>
                  {probe.media[0] && <img className={list.thumb} src={probe.media[0]} alt="" loading="lazy" />}
                  <span className={list.prompt}>{probe.prompt}</span>
                </span>
              </button>
            </li>
          ))}
        </ol>
      </div>
      <History key={nameOf(chosen)} run={run} probe={chosen} />
    </div>
  );
}

function History({ run, probe }: { run: Run; probe: ProbeView }) {
  const { data, error, refetch } = useQuery(probeHistoryQuery(run.id, probe.domain, probe.index));
  const colour = usePolicyColours(run.policies);
  return (
    <article className={classes.history} aria-label="The prompt through training">
      <h2>
        {probe.domain}, held-out prompt {probe.index + 1}
      </h2>
      <PromptCard domain={probe.domain} prompt={probe.prompt} answer={probe.answer} media={probe.media} />
      {error && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton role="group" height={220} aria-label="Loading" />}
      {data && <Strip run={run} history={data} colour={colour} />}
    </article>
  );
}
