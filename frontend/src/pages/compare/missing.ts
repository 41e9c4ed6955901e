/** Which runs have no curve in some of the figures, said once for all of them. Pure. */
import type { ComparedRun, Figure } from "../../api/types";
import { legendNames } from "../../charts/meta";

const CAPABILITY = "capability.";

type Run = Pick<ComparedRun, "id" | "name" | "domains">;

/** One sentence for each reason; none where every run is in every figure. A figure without any curve says so itself. */
export function missingText(runs: readonly Run[], figures: readonly Figure[]): string[] {
  const drawn = figures.filter(({ data }) => data.length > 0);
  const foreign = (run: Run) => drawn.filter(({ name }) => name.startsWith(CAPABILITY) && !run.domains.includes(name.slice(CAPABILITY.length)));
  const late = runs.filter((run) => drawn.some((figure) => !legendNames(figure).includes(run.id) && !foreign(run).includes(figure)));
  const apart = runs.filter((run) => foreign(run).length > 0);
  return [
    ...(late.length ? [`No points yet in some charts: ${late.map(({ name }) => name).join(", ")}.`] : []),
    ...apart.map((run) => `${run.name} has no domain ${foreign(run).map(({ name }) => name.slice(CAPABILITY.length)).join(" or ")}.`),
  ];
}
