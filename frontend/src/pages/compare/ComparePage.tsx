import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { comparisonQuery, type Compared } from "../../api/compare";
import { useParam } from "../../app/router";
import { PageHead } from "../../parts/PageHead";
import { ProblemAlert } from "../../parts/Problem";
import { useTitle } from "../../parts/useTitle";
import { AddRun } from "./AddRun";
import { AgreementSection } from "./AgreementSection";
import { readRuns, withoutRun, withRun, writeRuns } from "./chosen";
import { CurvesSection } from "./CurvesSection";
import { Differences } from "./Differences";
import { Legend } from "./Legend";
import { NewestRuns } from "./NewestRuns";
import { PaperTable } from "./PaperTable";

/** Any runs side by side. The URL names them. */
export function ComparePage() {
  useTitle("Compare");
  const [text, setText] = useParam("runs", "");
  const runs = useMemo(() => readRuns(text), [text]);
  const { data, error, refetch } = useQuery(comparisonQuery(runs));
  const set = (next: readonly Compared[]): void => setText(writeRuns(next));
  return (
    <>
      <PageHead title="Compare">
        <AddRun runs={runs} onAdd={(id) => set(withRun(runs, id))} />
      </PageHead>
      {runs.length === 0 && <NewestRuns onCompare={(ids) => set(ids.reduce<Compared[]>(withRun, []))} />}
      {error && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {runs.length > 0 && !data && !error && <Skeleton role="group" height={320} aria-label="Loading the comparison" />}
      {runs.length > 0 && data && (
        <>
          <Legend runs={data.runs} onRemove={(id) => set(withoutRun(runs, id))} />
          <PaperTable comparison={data} />
          <CurvesSection chosen={runs} comparison={data} />
          <AgreementSection chosen={runs} comparison={data} />
          <Differences comparison={data} />
        </>
      )}
    </>
  );
}
