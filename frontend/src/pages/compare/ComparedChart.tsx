import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { comparedFigurePath, comparedFigureQuery, fetchWholeFigure, type ComparedFigure } from "../../api/compare";
import type { Figure } from "../../api/types";
import { ChartTable } from "../../charts/ChartTable";
import { csvOfRuns } from "../../charts/csv";
import { curlOf, DrawingMenu } from "../../charts/DrawingMenu";
import { isEmpty, isPositive } from "../../charts/drawing";
import { FigureCard } from "../../charts/FigureCard";
import { axisTitle } from "../../charts/layout";
import { fileName } from "../../charts/save";
import { MOST_ROWS, tableOf } from "../../charts/table";
import { useChartView } from "../../charts/useChartView";
import { useSeen } from "../../charts/useVisible";
import { useWindow } from "../../charts/useWindow";

const HEIGHT = 280;

/** One figure of all runs, fetched again while one of them trains. Costs nothing until it is on screen. */
export function ComparedChart({ of, title, live }: { of: ComparedFigure; title: string; live: boolean }) {
  const { name, x } = of;
  const frame = useRef<HTMLElement>(null);
  const isSeen = useSeen(frame);
  const { data: figure, error, refetch } = useQuery({ ...comparedFigureQuery(of, live), enabled: isSeen });
  const chart = useChartView(name, x === "time" ? unitOf(figure) : x);
  const zoomed = useWindow(figure, x, chart.view.range, null, (window) => comparedFigureQuery(of, live, window));
  const waiting = figure && isEmpty(figure, null) ? figure.summary : null;
  return (
    <FigureCard
      {...{ frame, name, title, figure, zoomed, x, chart, error, waiting }}
      height={HEIGHT}
      live={null}
      onRetry={() => void refetch()}
      menu={
        figure && (
          <DrawingMenu
            {...{ frame, figure, x, chart }}
            height={HEIGHT}
            curves={() => null}
            isPositive={isPositive(figure, null)}
            file={fileName("compare", name)}
            numbers={async () => csvOfRuns(await fetchWholeFigure(of), x)}
            curl={curlOf(comparedFigurePath(of))}
          />
        )
      }
      table={figure && <ChartTable table={tableOf(figure, null, MOST_ROWS)} title={figure.title} height={HEIGHT} />}
    />
  );
}

/** What the axis counts time in: hours, say, for as long as the runs are. */
function unitOf(figure: Figure | undefined): string {
  return figure ? (axisTitle(figure)?.split(" ")[0] ?? "") : "";
}
