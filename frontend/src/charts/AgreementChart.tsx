import { ActionIcon, Slider } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo } from "react";
import { agreementQuery, figureQuery } from "../api/queries";
import type { AgreementHistory } from "../api/types";
import { useParam } from "../app/router";
import { useLive, useLiveRun } from "../live/useLiveRun";
import { Icon } from "../parts/Icon";
import { ChartFrame } from "./ChartFrame";
import { Plot, type Adjust } from "./Plot";
import classes from "./AgreementChart.module.css";

const REFETCH_MS = 1_000;

/** Calls back a little after overlaps have arrived. */
function useMeasured(onMeasured: () => void): void {
  const live = useLiveRun();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const overlaps = (): number => {
      let points = 0;
      for (const [key, curve] of live.snapshot().curves) if (key.startsWith("overlap|")) points += curve.points.length;
      return points;
    };
    let before = overlaps();
    const unsubscribe = live.subscribe(() => {
      const now = overlaps();
      if (now === before) return;
      before = now;
      timer ??= setTimeout(() => {
        timer = undefined;
        onMeasured();
      }, REFETCH_MS);
    });
    return () => {
      unsubscribe();
      clearTimeout(timer);
    };
  }, [live, onMeasured]);
}

/** The history without a newest step that is still being measured: a matrix with holes says less than the one before. */
function measured(history: AgreementHistory | undefined): Pick<AgreementHistory, "steps" | "values"> {
  const { steps = [], values = [] } = history ?? {};
  const known = values.map((rows) => rows.flat().filter((cell) => cell !== null).length);
  const most = Math.max(...known);
  const end = known.lastIndexOf(most) + 1;
  return { steps: steps.slice(0, end), values: values.slice(0, end) };
}

/** The student × teacher matrix of overlaps with a slider over all measured steps; at its right end it follows the run. */
export function AgreementChart({ runId, title, height, waiting }: { runId: string; title: string; height: number; waiting: string }) {
  const ready = useLive((view) => view.ready);
  const { data: figure, error, refetch } = useQuery({ ...figureQuery(runId, "agreement", "step"), enabled: ready });
  const { data: history, refetch: refetchHistory } = useQuery({ ...agreementQuery(runId), enabled: ready });
  const refetchBoth = useCallback(() => void Promise.all([refetch(), refetchHistory()]), [refetch, refetchHistory]);
  useMeasured(refetchBoth);
  const [chosen, choose] = useParam("at", "");
  const { steps, values } = useMemo(() => measured(history), [history]);
  const last = steps.length - 1;
  const found = chosen === "" ? -1 : steps.indexOf(Number(chosen));
  const index = found < 0 ? last : found;
  const matrix = values[index];
  const step = steps[index];

  const adjust = useMemo<Adjust>(
    () => (data) => {
      // no colour bar: the values stand in the cells, and Plotly's bar sets a style attribute, which the content policy forbids
      if (data[0] && matrix) data[0] = { ...data[0], z: matrix, showscale: false };
    },
    [matrix],
  );
  const pick = (i: number): void => choose(i >= last ? "" : String(steps[i]));

  const slider = steps.length > 0 && (
    <div className={classes.slider}>
      <ActionIcon variant="subtle" color="gray" size={32} aria-label="Step before" disabled={index <= 0} onClick={() => pick(index - 1)}>
        <span className={classes.back}>
          <Icon name="chevron" size={16} />
        </span>
      </ActionIcon>
      <Slider
        className={classes.track}
        size="sm"
        min={0}
        max={Math.max(last, 1)}
        value={index}
        onChange={pick}
        label={null}
        disabled={last < 1}
        thumbLabel="Measured step"
        thumbProps={{ "aria-valuetext": `step ${step}` }}
      />
      <ActionIcon variant="subtle" color="gray" size={32} aria-label="Step after" disabled={index >= last} onClick={() => pick(index + 1)}>
        <Icon name="chevron" size={16} />
      </ActionIcon>
      <output className={classes.step}>
        step {step}
        {found < 0 && <em> newest</em>}
      </output>
    </div>
  );
  return (
    <ChartFrame
      title={figure?.title ?? title}
      help={figure?.help}
      height={height}
      error={error}
      onRetry={refetchBoth}
      loading={!figure || !history}
      waiting={history && steps.length === 0 ? waiting : null}
      tools={slider}
    >
      {figure && matrix && <Plot runId={runId} figure={figure} x="step" height={height} adjust={adjust} />}
    </ChartFrame>
  );
}
