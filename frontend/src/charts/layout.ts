/** The server's layout as this page shows it: its theme, its fonts, and what a person has chosen. Pure. */
import type { Figure } from "../api/types";
import type { View } from "./drawing";
import { list } from "./meta";
import type { Layout } from "./plotly";

/** Whether the chart has one horizontal axis of numbers or moments, along which one may zoom. */
export function isAlongAxis({ layout }: Figure): boolean {
  const type = axisOf(layout, "xaxis")["type"];
  return type === "linear" || type === "date";
}

/** What the horizontal axis is called: charts that call it the same share what is hovered. Null where there is nothing to share. */
export function axisTitle(figure: Figure): string | null {
  const title = axisOf(figure.layout, "xaxis")["title"] as { text?: string } | undefined;
  return isAlongAxis(figure) ? (title?.text ?? null) : null;
}

export function layoutOf(figure: Figure, template: unknown, view: View, coarsePointer: boolean): Layout {
  const layout = structuredClone(figure.layout);
  for (const name of ["xaxis", "yaxis"]) {
    const { title, ...rest } = axisOf(layout, name);
    layout[name] = { ...rest, title: { ...(title as object | undefined), font: { size: 12 } } };
  }
  const along = isAlongAxis(figure);
  return {
    ...layout,
    ...shownMarks(layout, view),
    template,
    font: { ...(layout["font"] as object | undefined), family: "'Inter Variable', system-ui, sans-serif", size: 12 },
    xaxis: along ? { ...axisOf(layout, "xaxis"), ...zoomed(view) } : { ...axisOf(layout, "xaxis"), fixedrange: true },
    yaxis: { ...(view.logY ? logarithmic(axisOf(layout, "yaxis")) : axisOf(layout, "yaxis")), fixedrange: true },
    dragmode: coarsePointer || !along ? false : "zoom", // a finger on a chart scrolls the page
  };
}

/** Without the edits of a run whose curve is hidden: where there are several runs, the server names a run's after its curve. */
function shownMarks(layout: Layout, { hidden }: View): Layout {
  const names = hidden.map((key) => `edit ${key}`);
  const shown = (marks: unknown): unknown[] => list(marks).filter((mark) => !names.includes((mark as { name?: string }).name ?? ""));
  return names.length > 0 ? { shapes: shown(layout["shapes"]), annotations: shown(layout["annotations"]) } : {};
}

/** The range is the address's to keep, not Plotly's: hence a uirevision of its own. */
function zoomed({ range }: View): Record<string, unknown> {
  const uirevision = range ? range.join("~") : "all";
  return range ? { range: [...range], autorange: false, uirevision } : { autorange: true, uirevision };
}

function logarithmic(axis: Record<string, unknown>): Record<string, unknown> {
  const { autorangeoptions: _, ...rest } = axis; // they clip at values at and below 0, which this axis does not have
  return { ...rest, type: "log" };
}

function axisOf(layout: Layout, name: string): Record<string, unknown> {
  return (layout[name] ?? {}) as Record<string, unknown>;
}
