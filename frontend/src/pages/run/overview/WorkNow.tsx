import { useQuery } from "@tanstack/react-query";
import { segmentsQuery } from "../../../api/queries";
import type { Run, SegmentView, StreamProgress } from "../../../api/types";
import { useLive } from "../../../live/useLiveRun";
import facts from "../../../parts/Facts.module.css";
import { HelpButton } from "../../../parts/HelpButton";
import { kindName, KINDS } from "../../../parts/kinds";
import { PolicyName } from "../../../parts/PolicyName";
import { usePolicyColours } from "../../../parts/policyColour";
import { whoWaits } from "./facts";
import classes from "./OverviewTab.module.css";

/** What runs at this moment: policy, kind, how far, and whether it is a second try. */
export function WorkNow({ run }: { run: Run }) {
  const segments = useQuery(segmentsQuery(run.id)).data?.segments ?? [];
  const progress = useLive((view) => view.progress);
  const colour = usePolicyColours(run.policies);
  const running = segments.filter((segment) => segment.state === "running");
  const waiting = whoWaits(segments);
  if (!running.length) return <span />;
  return (
    <div className={classes.work}>
      <ul className={`${facts.facts} ${classes.now}`} aria-label="Running now">
        {running.map((segment) => {
          const now = progress.get(segment.key);
          return (
            <li key={segment.key}>
              <PolicyName name={segment.policy} colour={colour(segment.policy)} />
              <span>{what(segment)}</span>
              {now && <span>{farText(segment, now, segments)}</span>}
              {segment.attempts > 1 && <Again segment={segment} />}
            </li>
          );
        })}
      </ul>
      {waiting.length > 0 && <span className={classes.waiting}>waiting: {waiting.join(", ")}</span>}
      <HelpButton about="what is running now">
        <dl>
          {Object.values(KINDS).map(({ name, what: does }) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
      </HelpButton>
    </div>
  );
}

/** That it goes on from what was stored. Only a loss is worth a colour; a pause was somebody's wish. */
function Again({ segment: { attempts, lost, steps, start_step: step } }: { segment: SegmentView }) {
  const from = step != null && steps > 0 ? `from step ${step}` : "";
  if (!lost) return <span title="It was stopped, by a pause or with its worker, and goes on from there.">{from}</span>;
  return (
    <span className={classes.retried} title="An attempt before was lost; this one goes on from the last step that was stored.">
      {["attempt " + attempts, from].filter(Boolean).join(", ")}
    </span>
  );
}

/** Training says its step, as the charts count them, and how far its phase is, which may be of several segments: one for each refresh of its
 * teachers. The rest counts prompts or domains. */
function farText(segment: SegmentView, { done, total }: StreamProgress, all: readonly SegmentView[]): string {
  if (!segment.steps) return `${done} of ${total}`;
  const phase = all.filter(({ policy, kind, round }) => policy === segment.policy && kind === segment.kind && round === segment.round);
  const sum = (of: readonly SegmentView[]): number => of.reduce((steps, each) => steps + each.steps, 0);
  return `step ${segment.step + done}, ${sum(phase.filter(({ state }) => state === "done")) + done} of ${sum(phase)} in this phase`;
}

function what({ kind, domain }: SegmentView): string {
  return domain ? `${kindName(kind)} on ${domain}` : kindName(kind);
}
