import { Button, Skeleton } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { rolloutCountQuery, rolloutsQuery } from "../../../api/rollouts";
import type { Run } from "../../../api/types";
import { usePolicyColours } from "../../../parts/policyColour";
import { count } from "../../../parts/numbers";
import { ProblemAlert } from "../../../parts/Problem";
import { isOver } from "../runText";
import { FilterBar } from "./FilterBar";
import { emptyText, tiedText } from "./reading";
import { RolloutDetail } from "./RolloutDetail";
import { RolloutList } from "./RolloutList";
import { useFilter } from "./useFilter";
import classes from "./Rollouts.module.css";

const NO_GAP = "No rollout with a teacher yet. Gaps come with the first measured agreement and the first steps of distillation.";

/** The list of kept rollouts, and one of them beside it: the chosen one, or else the first. */
export function KeptView({ run }: { run: Run }) {
  const { filter, reward, chosen, isFiltered, set, clear } = useFilter();
  const { data, error, refetch, isPlaceholderData, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(rolloutsQuery(run.id, filter));
  const { data: now } = useQuery(rolloutCountQuery(run.id, filter));
  const colour = usePolicyColours(run.policies);
  const rollouts = data?.pages.flatMap((page) => page.rollouts) ?? [];
  const first = data?.pages[0];
  const total = first?.total;
  const news = isPlaceholderData || now === undefined || total === undefined ? 0 : Math.max(0, now - total);
  const shown = chosen ?? rollouts[0]?.id ?? null;
  const column = useRef<HTMLDivElement>(null);
  const showNews = (): void => {
    if (news === 0) return;
    column.current?.scrollTo({ top: 0 });
    void refetch();
  };
  const back = (): void => {
    set("rollout", "");
    // on a phone the list was away, and whoever came from it is to find the place again
    requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-rollout="${shown}"]`)?.focus());
  };
  return (
    <div className={classes.kept} data-open={chosen !== null || undefined}>
      <FilterBar run={run} filter={filter} reward={reward} isFiltered={isFiltered} total={total} tied={isPlaceholderData ? "" : tiedText(filter.sort, first)} set={set} clear={clear} />
      {error && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton role="group" height={420} aria-label="Loading" />}
      {data && rollouts.length === 0 && (
        <div className={classes.none}>
          <p>{isFiltered ? "No rollout matches." : filter.sort === "gap" ? NO_GAP : emptyText(run)}</p>
          {isFiltered && (
            <Button variant="default" onClick={clear}>
              Clear the filters
            </Button>
          )}
        </div>
      )}
      {rollouts.length > 0 && (
        <div className={classes.columns}>
          <div ref={column} className={classes.listColumn}>
            {(news > 0 || !isOver(run.state)) && (
              // there before it is needed, so that the list does not move when it is; never quite disabled, so that the focus stays on it
              <Button className={classes.news ?? ""} variant={news === 0 ? "transparent" : "default"} size="xs" aria-disabled={news === 0} mod={{ disabled: news === 0 }} onClick={showNews}>
                {news === 0 ? "Up to date" : `Show ${count(news)} new`}
              </Button>
            )}
            <RolloutList rollouts={rollouts} shown={shown} colour={colour} onSelect={(id) => set("rollout", String(id))} />
            {hasNextPage && (
              <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
                Show more
              </Button>
            )}
          </div>
          <div className={classes.detailColumn}>
            {shown !== null && <RolloutDetail key={shown} run={run} id={shown} isChosen={chosen !== null} colour={colour} onBack={back} />}
          </div>
        </div>
      )}
    </div>
  );
}
