import { useQuery } from "@tanstack/react-query";
import { segmentsQuery } from "../../../api/queries";
import type { Run, SegmentView } from "../../../api/types";
import { useLive } from "../../../live/useLiveRun";
import facts from "../../../parts/Facts.module.css";
import { PolicyName } from "../../../parts/PolicyName";
import { usePolicyColours } from "../../../parts/policyColour";
import { KINDS } from "./kinds";
import classes from "./OverviewTab.module.css";

/** What runs at this moment: policy, kind, how far, and whether it is a second try. */
export function WorkNow({ run }: { run: Run }) {
  const segments = useQuery(segmentsQuery(run.id)).data?.segments ?? [];
  const progress = useLive((view) => view.progress);
  const colour = usePolicyColours(run.id, run.policies);
  const running = segments.filter((segment) => segment.state === "running");
  if (!running.length) return <span />;
  return (
    <ul className={`${facts.facts} ${classes.now}`} aria-label="Running now">
      {running.map((segment) => {
        const now = progress.get(segment.key);
        return (
          <li key={segment.key}>
            <PolicyName name={segment.policy} colour={colour(segment.policy)} />
            <span>{what(segment)}</span>
            {now && (
              <span>
                {now.done}/{now.total}
              </span>
            )}
            {segment.attempts > 1 && (
              <span className={classes.retried} title="The attempt before was lost; this one goes on from the last step it had stored.">
                attempt {segment.attempts}
              </span>
            )}
          </li>
        );
      })}
    </ul>
  );
}

function what({ kind, domain }: SegmentView): string {
  return domain ? `${KINDS[kind] ?? kind} on ${domain}` : (KINDS[kind] ?? kind);
}
