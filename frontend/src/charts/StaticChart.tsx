import type { Figure } from "../api/types";
import { ChartFrame } from "./ChartFrame";
import { isEmpty } from "./drawing";
import { Plot } from "./Plot";

interface Props {
  figure: Figure;
  /** Instead of the figure's own. */
  title?: string;
  height: number;
}

/** A figure that was fetched once and does not grow: of several runs together, say. Needs no live run above it. */
export function StaticChart({ figure, title = figure.title, height }: Props) {
  const waiting = isEmpty(figure, null) ? "There is nothing to draw yet." : null;
  return (
    <ChartFrame title={title} help={figure.help} height={height} waiting={waiting}>
      <Plot figure={figure} x="step" height={height} live={null} />
    </ChartFrame>
  );
}
