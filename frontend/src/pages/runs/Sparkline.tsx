const WIDTH = 72;
const HEIGHT = 22;
const EDGE = 3;
/** The least range that fills the height: less is noise, and looks like it. */
const LEAST_RANGE = 0.1;

/** How the merged model's mean accuracy went, oldest first. The number beside it says what is read out. */
export function Sparkline({ values }: { values: readonly number[] }) {
  if (values.length < 2) return <svg width={WIDTH} height={HEIGHT} aria-hidden="true" />;
  const low = Math.min(...values);
  const range = Math.max(LEAST_RANGE, Math.max(...values) - low);
  const points = values.map((value, i) => {
    const x = EDGE + (i / (values.length - 1)) * (WIDTH - 2 * EDGE);
    return [x, HEIGHT - EDGE - ((value - low) / range) * (HEIGHT - 2 * EDGE)] as const;
  });
  const last = points.at(-1)!;
  return (
    <svg width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} fill="none" aria-hidden="true">
      <polyline points={points.map((point) => point.map((n) => n.toFixed(1)).join()).join(" ")} stroke="var(--link)" strokeWidth="1.5" strokeLinejoin="round" />
      <circle cx={last[0]} cy={last[1]} r="2.2" fill="var(--link)" />
    </svg>
  );
}
