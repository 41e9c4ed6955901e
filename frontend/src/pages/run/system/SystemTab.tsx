import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { figureListQuery } from "../../../api/queries";
import type { Run } from "../../../api/types";
import { FigureChart } from "../../../charts/FigureChart";
import { Looks, useAxis } from "../../../charts/Looks";
import { PageSkeleton } from "../../../parts/PageSkeleton";
import { ProblemAlert } from "../../../parts/Problem";
import { isOver } from "../runText";
import { AttemptsTable } from "./AttemptsTable";
import { isSampled, SECTIONS, sectionOf, systemWaiting } from "./systemText";
import classes from "./SystemTab.module.css";

const SAMPLED_EVERY_MS = 10_000;

/** Figures of machines are sampled, not streamed: while the run goes on they are asked for as often as there are new ones. */
function useSampled(run: Run, figures: readonly string[]): void {
  const client = useQueryClient();
  const names = figures.join();
  const over = isOver(run.state);
  useEffect(() => {
    if (over) return;
    const timer = setInterval(() => {
      if (document.visibilityState !== "visible") return;
      for (const name of names.split(",")) void client.invalidateQueries({ queryKey: ["run", run.id, "figures", name] });
    }, SAMPLED_EVERY_MS);
    return () => clearInterval(timer);
  }, [client, names, over, run.id]);
}

/** Speed, stability, machines and attempts: whether the run is in good health. */
export function SystemTab({ run }: { run: Run }) {
  const { data, error, refetch } = useQuery(figureListQuery(run.id));
  const x = useAxis();
  const figures = data?.figures.filter(({ tab }) => tab === "system") ?? [];
  useSampled(
    run,
    figures.map(({ name }) => name).filter(isSampled),
  );
  if (error) return <ProblemAlert error={error} onRetry={() => void refetch()} />;
  if (!data) return <PageSkeleton />;
  return (
    <div className={classes.system}>
      {SECTIONS.map(({ section, title, help }, place) => (
        <section key={section} className={classes.section} aria-labelledby={`system-${section}`}>
          <header className={classes.head}>
            <div>
              <h2 id={`system-${section}`}>{title}</h2>
              <p>{help}</p>
            </div>
            {place === 0 && <Looks />}
          </header>
          <div className={classes.charts}>
            {figures
              .filter(({ name }) => sectionOf(name) === section)
              .map(({ name, title: question }) => (
                <FigureChart key={name} runId={run.id} name={name} title={question} x={x} height={section === "speed" ? 270 : 240} waiting={systemWaiting(name, run)} />
              ))}
          </div>
        </section>
      ))}
      <AttemptsTable run={run} />
    </div>
  );
}
