import { useHeat } from "../../../charts/heat";
import type { Matrix } from "../../../charts/matrices";
import classes from "./Agreement.module.css";

const CELL = 34;
const GAP = 2;

/** A small student × teacher matrix: rows are students. The words stand beside it, so the picture itself is silent. */
export function MatrixPicture({ matrix }: { matrix: Matrix }) {
  const heat = useHeat();
  const columns = matrix[0]?.length ?? 0;
  const [width, height] = [columns * CELL - GAP, matrix.length * CELL - GAP];
  const isLabelled = columns <= 5;
  return (
    <svg viewBox={`0 0 ${width} ${height}`} className={classes.picture} aria-hidden="true">
      {matrix.flatMap((row, y) =>
        row.map((value, x) => (
          <g key={`${y}/${x}`} transform={`translate(${x * CELL} ${y * CELL})`}>
            <rect width={CELL - GAP} height={CELL - GAP} rx={4} className={value === null ? classes.hole : undefined} fill={value === null ? undefined : heat(value).background} />
            {value !== null && isLabelled && (
              <text x={(CELL - GAP) / 2} y={(CELL - GAP) / 2 + 4} fill={heat(value).ink} textAnchor="middle" fontSize={11.5}>
                {value >= 0.995 ? "1" : value.toFixed(2).slice(1)}
              </text>
            )}
          </g>
        )),
      )}
    </svg>
  );
}
