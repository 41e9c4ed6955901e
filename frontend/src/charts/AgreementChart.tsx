import { useQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useRef } from "react";
import { overlapsQuery } from "../api/agreement";
import { figureQuery } from "../api/queries";
import type { AgreementHistory } from "../api/types";
import { useParam } from "../app/router";
import { useLive, useLiveRun } from "../live/useLiveRun";
import { ChartFrame } from "./ChartFrame";
import { ChartTable } from "./ChartTable";
import { FigureMenu } from "./FigureMenu";
import { asOf, olderStep, told, type AsOf, type History } from "./matrices";
import type { Adjust } from "./painter";
import { Plot } from "./Plot";
import type { Trace } from "./plotly";
import { StepSlider } from "./StepSlider";
import { tableOf } from "./table";
import { useChartView } from "./useChartView";
import { useLinkedTo } from "./useLinkedTo";
import { useSeen } from "./useVisible";
import classes from "./AgreementChart.module.css";

/** The student × teacher matrix of overlaps with a slider over all measured steps; at its right end it follows the run. */
export function AgreementChart({ runId, title, height, waiting }: { runId: string; title: string; height: number; waiting: string }) {
  const frame = useRef<HTMLElement>(null);
  const id = useLinkedTo("agreement", frame);
  const isSeen = useSeen(frame);
  const live = useLiveRun();
  const isOpen = useLive((view) => view.ready);
  const ready = isOpen && isSeen;
  const stale = useLive((view) => view.connection === "reconnecting");
  const { data: figure, error, refetch } = useQuery({ ...figureQuery(runId, "agreement", "step"), enabled: ready });
  const { data: history, refetch: refetchHistory } = useQuery({ ...overlapsQuery(runId, ""), enabled: ready });
  const refetchBoth = useCallback(() => void Promise.all([refetch(), refetchHistory()]), [refetch, refetchHistory]);
  const chart = useChartView("agreement", "step");
  const [chosen, choose] = useParam("at", "");
  const steps = useMemo(() => history?.steps ?? [], [history]);
  const found = chosen === "" ? -1 : steps.indexOf(Number(chosen));
  const index = found < 0 ? steps.length - 1 : found;
  const shownAt = useMemo(() => (history ? asOf(history, steps[index]) : null), [history, index, steps]);
  const lowest = history?.lowest;

  const shown = useMemo(() => figure && shownAt && { ...figure, data: figure.data.map((trace) => ({ ...trace, ...cellsOf(shownAt) })) }, [figure, shownAt]);
  const adjust = useMemo<Adjust>(
    () => (data) => {
      // no colour bar: the values stand in the cells, and Plotly's bar sets a style attribute, which the content policy forbids
      if (data[0] && shownAt) data[0] = { ...data[0], ...cellsOf(shownAt), showscale: false };
    },
    [shownAt],
  );
  const pick = useCallback((i: number): void => choose(i >= steps.length - 1 ? "" : String(steps[i])), [choose, steps]);
  return (
    <ChartFrame
      ref={frame}
      id={id}
      title={figure?.title ?? title}
      help={figure?.help}
      height={height}
      chart={chart}
      error={error}
      onRetry={refetchBoth}
      loading={!figure || !history}
      stale={stale}
      waiting={history && steps.length === 0 ? waiting : null}
      menu={shown && <FigureMenu runId={runId} figure={shown} x="step" height={height} chart={chart} live={live} frame={frame} adjust={adjust} />}
      tools={
        shownAt && (
          <StepSlider steps={steps} index={index} isNewest={found < 0} onPick={pick}>
            {lowest && (
              <Lowest lowest={lowest} isShown={steps[index] === lowest.step} onShow={() => pick(steps.indexOf(lowest.step))} />
            )}
          </StepSlider>
        )
      }
    >
      {shown &&
        (chart.isTable ? (
          <ChartTable table={tableOf(shown, null, MOST_ROWS)} title={shown.title} height={height} />
        ) : (
          figure && <Plot live={live} figure={figure} x="step" height={height} adjust={adjust} summary={saidAt(history, shownAt) ?? figure.summary} />
        ))}
    </ChartFrame>
  );
}

const MOST_ROWS = 100;

/** What Plotly draws of it: a cell older than the step says when it was measured, as the server writes it of the newest. */
function cellsOf(shown: AsOf): Pick<Trace, "z" | "text" | "customdata"> {
  const text = shown.matrix.map((row, i) =>
    row.map((value, j) => {
      if (value === null) return "";
      const older = olderStep(shown, i, j);
      return value.toFixed(2) + (older === null ? "" : `<br>step ${older}`);
    }),
  );
  return { z: shown.matrix, text, customdata: shown.measured };
}

/** The matrix in words, as the server says it of the newest. */
function saidAt(history: History | undefined, shown: AsOf | null): string | null {
  const words = history && shown && told(shown.matrix, history);
  if (!words) return null;
  const least = `${words.lowest.student} with ${words.lowest.teacher}, ${words.lowest.value.toFixed(2)}`;
  return `As of step ${shown.step} the experts share ${words.mean.toFixed(2)} of their likeliest tokens on average; least alike: ${least}.`;
}

/** The way to the step at which two were least alike; at that step it only says so, and leaves its place to the way back. */
function Lowest({ lowest: { value, student, teacher, step }, isShown, onShow }: { lowest: NonNullable<AgreementHistory["lowest"]>; isShown: boolean; onShow: () => void }) {
  const said = `lowest ${value.toFixed(2)}, ${student} ← ${teacher}`;
  if (isShown) return <span>{said}</span>;
  return (
    <button type="button" className={classes.link} onClick={onShow}>
      {said} at step {step}
    </button>
  );
}
