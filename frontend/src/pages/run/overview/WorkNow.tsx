import { useQuery } from "@tanstack/react-query";
import { segmentsQuery } from "../../../api/queries";
import type { Run, SegmentView, StreamProgress } from "../../../api/types";
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
  const colour = usePolicyColours(run.policies);
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
            {now && <span title={segment.steps > 0 ? "Of this segment: an OPD phase is cut into one at each refresh of its teachers." : undefined}>{farText(segment, now)}</span>}
            {segment.attempts > 1 && (
              <span className={classes.retried} title="The attempt before was lost; this one goes on from the last step it had stored.">
                attempt {segment.attempts}
                {segment.start_step != null && segment.steps > 0 && `, from step ${segment.start_step}`}
              </span>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** A segment that trains counts its steps; another one prompts or domains. */
function farText({ steps }: SegmentView, { done, total }: StreamProgress): string {
  return steps > 0 ? `step ${done} of ${total}` : `${done} of ${total}`;
}

function what({ kind, domain }: SegmentView): string {
  return domain ? `${KINDS[kind] ?? kind} on ${domain}` : (KINDS[kind] ?? kind);
}
