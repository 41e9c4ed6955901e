/** SVG dashes of Plotly's names. */
const DASHES: Record<string, string> = { solid: "", dash: "6 4", dot: "2 3", dashdot: "6 3 2 3", longdash: "10 4" };

/** A piece of a run's line, as its curves are drawn. */
export function RunMark({ colour, dash }: { colour: string; dash: string }) {
  return (
    <svg width={26} height={10} aria-hidden="true">
      <line x1={1} x2={25} y1={5} y2={5} stroke={colour} strokeWidth={2.5} strokeDasharray={DASHES[dash] ?? ""} />
    </svg>
  );
}
