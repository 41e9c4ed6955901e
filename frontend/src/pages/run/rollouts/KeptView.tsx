import { Button, Skeleton } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { rolloutsQuery } from "../../../api/rollouts";
import type { Run } from "../../../api/types";
import { usePolicyColours } from "../../../parts/policyColour";
import { ProblemAlert } from "../../../parts/Problem";
import { FilterBar } from "./FilterBar";
import { emptyText } from "./reading";
import { RolloutDetail } from "./RolloutDetail";
import { RolloutList } from "./RolloutList";
import { useFilter } from "./useFilter";
import classes from "./Rollouts.module.css";

const NO_GAP = "No rollout with a teacher yet. Gaps come with the first measured agreement and the first steps of distillation.";

/** The list of kept rollouts, and one of them beside it: the chosen one, or else the first. */
export function KeptView({ run }: { run: Run }) {
  const { filter, reward, chosen, isFiltered, set, clear } = useFilter();
  const { data, error, refetch, isPlaceholderData, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(rolloutsQuery(run.id, filter));
  const colour = usePolicyColours(run.policies);
  const rollouts = data?.pages.flatMap((page) => page.rollouts) ?? [];
  const first = useFirst(JSON.stringify(filter), isPlaceholderData ? undefined : (rollouts[0]?.id ?? null));
  const shown = chosen ?? first;
  const back = (): void => {
    set("rollout", "");
    // on a phone the list was away, and whoever came from it is to find the place again
    requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-rollout="${shown}"]`)?.focus());
  };
  return (
    <div className={classes.kept} data-open={chosen !== null || undefined}>
      <FilterBar run={run} filter={filter} reward={reward} isFiltered={isFiltered} total={data?.pages[0]?.total} set={set} clear={clear} />
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
          <div className={classes.listColumn}>
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

/**
 * The first of a list as it was when the list came: what comes on top while somebody reads does not push it away. Until another list is
 * here (undefined), that of the last one.
 */
function useFirst(list: string, newest: number | null | undefined): number | null {
  const [held, hold] = useState<{ list: string; first: number | null }>({ list, first: newest ?? null });
  if (newest === undefined) return held.first;
  if (held.list !== list || (held.first === null && newest !== null)) {
    hold({ list, first: newest });
    return newest;
  }
  return held.first;
}
