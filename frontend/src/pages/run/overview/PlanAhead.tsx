import { useQuery } from "@tanstack/react-query";
import { segmentsQuery } from "../../../api/queries";
import type { Run } from "../../../api/types";
import { PlanChart } from "../../new/PlanChart";
import classes from "./OverviewTab.module.css";

/** What will be done, until the first segment has started and the timeline shows what is. */
export function PlanAhead({ run }: { run: Run }) {
  const segments = useQuery(segmentsQuery(run.id)).data?.segments ?? [];
  if (!segments.length || segments.some((segment) => segment.started_at)) return null;
  return (
    <section className={classes.card} aria-label="The plan">
      <h2>The plan</h2>
      <PlanChart segments={segments} policies={run.policies} />
    </section>
  );
}
