import { useEffect, useState, type RefObject } from "react";
import { placeText, pointText, valuesAt, type HoverGroup, type ValueAt } from "./hover";
import type { PlotElement } from "./plotly";
import classes from "./HoverLine.module.css";

interface Line {
  left: number;
  top: number;
  height: number;
  /** The values stand on the side that has room. */
  isRight: boolean;
  /** How wide that side is. */
  room: number;
  values: ValueAt[];
  /** Where exactly. */
  head: string;
  /** The axis's. */
  type: string;
}

/** Where the person points at, here or in another chart of the same axis, and what all curves here say there: Plotly's own list has only
 * those that have a point nearby. */
export function HoverLine({ group, element }: { group: HoverGroup; element: RefObject<PlotElement | null> }) {
  const [line, setLine] = useState<Line | null>(null);
  useEffect(() => {
    const chart = element.current;
    if (!chart) return;
    return group.join(chart, (at, isHere) => setLine(at === null ? null : lineAt(chart, at, isHere)));
  }, [element, group]);
  if (!line) return null;
  return (
    <div className={classes.line} style={{ left: line.left, top: line.top, height: line.height }} aria-hidden="true">
      <ul className={classes.values} data-right={line.isRight || undefined} style={{ maxWidth: line.room }}>
        <li className={classes.head}>{line.head}</li>
        {line.values.map((told) => (
          <Told key={told.name} told={told} type={line.type} />
        ))}
      </ul>
    </div>
  );
}

/** The measured number stands out; the smoothed one only helps to read the line. */
function Told({ told: { name, colour, value, interval, smoothed, since }, type }: { told: ValueAt; type: string }) {
  return (
    <li>
      <span className={classes.swatch} style={{ background: colour }} />
      {name} <b>{short(value)}</b>
      {interval !== null && ` ± ${short(interval)}`}
      {since !== null && <span className={classes.aside}> at {pointText(type, since)}</span>}
      {smoothed !== null && <span className={classes.aside}>, smoothed {short(smoothed)}</span>}
    </li>
  );
}

const MOST_VALUES = 8;
/** Between the values and the line, and the chart's edge. */
const MARGIN = 8;
const UNIFIED = "x unified";

function lineAt(chart: PlotElement, at: number, isHere: boolean): Line | null {
  const layout = chart._fullLayout;
  if (!layout || !chart.data || (isHere && layout.hovermode !== UNIFIED)) return null;
  const inside = layout.xaxis.d2p(at);
  if (!(inside >= 0 && inside <= layout.xaxis._length)) return null;
  const values = isHere ? valuesAt(chart.data, at, true) : valuesAt(chart.data, at).slice(0, MOST_VALUES);
  const head = placeText(layout.xaxis.title.text ?? "", layout.xaxis.type, at);
  const left = layout.xaxis._offset + inside;
  const isRight = inside > layout.xaxis._length / 2;
  const room = (isRight ? left : chart.clientWidth - left) - MARGIN;
  return { head, type: layout.xaxis.type, left, top: layout.yaxis._offset, height: layout.yaxis._length, isRight, room, values };
}

function short(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  // as many decimals for all that lie beside each other, where they are of the usual size
  return Math.abs(value) >= 0.01 && Math.abs(value) < 1 ? value.toFixed(3) : String(Number(value.toPrecision(3)));
}
