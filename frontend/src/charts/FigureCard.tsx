import { Button } from "@mantine/core";
import { useState, type ReactNode, type RefObject } from "react";
import type { XAxis } from "../api/queries";
import type { Figure } from "../api/types";
import type { LiveRun } from "../live/LiveRun";
import { ChartFrame } from "./ChartFrame";
import { legendNames } from "./meta";
import { Plot } from "./Plot";
import type { ChartView } from "./useChartView";
import { useLinkedTo } from "./useLinkedTo";
import type { Zoomed } from "./useWindow";
import type { Range } from "./zoom";

interface Props {
  frame: RefObject<HTMLElement | null>;
  name: string;
  /** Until the figure is there. */
  title: string;
  figure: Figure | undefined;
  zoomed: Zoomed | null;
  x: XAxis;
  height: number;
  chart: ChartView;
  live: LiveRun | null;
  /** The data now in words, where they are newer than the figure's. */
  summary?: string | undefined;
  error: Error | null;
  onRetry: () => void;
  stale?: boolean;
  /** What to say while there is nothing to draw; null when there is. */
  waiting: string | null;
  /** Where there is no word on how many points are drawn. */
  note?: string | null;
  menu: ReactNode;
  /** In place of the drawing. */
  table: ReactNode;
}

/** The card of a figure with an axis to zoom along and a legend to choose from, as a person looks at it. */
export function FigureCard({ frame, name, title, figure, zoomed, x, height, chart, live, summary = figure?.summary, note = null, menu, table, ...states }: Props) {
  const id = useLinkedTo(name, frame);
  const { view } = chart;
  const [count, setCount] = useState({ drawn: 0, total: 0 });
  const names = figure ? legendNames(figure) : [];
  return (
    <ChartFrame
      ref={frame}
      id={id}
      title={figure?.title ?? title}
      help={figure?.help}
      note={noteOf(count, view.range) ?? note}
      height={height}
      chart={chart}
      loading={!figure}
      {...states}
      menu={
        <>
          {view.range && (
            <Button variant="subtle" size="compact-xs" onClick={() => chart.setRange(null)}>
              Reset zoom
            </Button>
          )}
          {states.waiting === null && menu}
        </>
      }
    >
      {figure &&
        (chart.isTable ? (
          table
        ) : (
          <Plot
            live={live}
            figure={zoomed?.figure ?? figure}
            x={x}
            height={height}
            view={view}
            {...(summary !== undefined && { summary })}
            {...(zoomed && { select: zoomed.select })}
            onRange={chart.setRange}
            onLegend={(chosen, alone) => chart.choose(names, chosen, alone)}
            onDrawn={({ drawn, total }) => setCount((before) => (before.drawn === drawn && before.total === total ? before : { drawn, total }))}
          />
        ))}
    </ChartFrame>
  );
}

/** "N of M points", where not all are drawn or not all are looked at. */
function noteOf({ drawn, total }: { drawn: number; total: number }, range: Range | null): string | null {
  if (total <= drawn && !range) return null;
  return `${drawn.toLocaleString("en")} of ${Math.max(drawn, total).toLocaleString("en")} points`;
}
