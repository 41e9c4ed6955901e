import { Alert } from "@mantine/core";
import { patchMeta, useRunAction, type MetaPatch } from "../../api/actions";
import type { Run } from "../../api/types";
import { Link } from "../../app/router";
import { useMaySteer } from "../../app/useMaySteer";
import { EditableText } from "../../parts/EditableText";
import { ProblemAlert } from "../../parts/Problem";
import { ProgressLine } from "../../parts/ProgressLine";
import { StateBadge } from "../../parts/StateBadge";
import { Tags } from "../../parts/Tags";
import { absolute, ago, duration, secondsSince, useNow } from "../../parts/time";
import { Freshness } from "./Freshness";
import { Lineage } from "./Lineage";
import { PausedAt } from "./PausedAt";
import { RunButtons } from "./RunButtons";
import { RunMenu } from "./RunMenu";
import { isOver } from "./runText";
import { TagsEditor } from "./TagsEditor";
import { LacksWorker, useLacksWorker, Waiting } from "./Waiting";
import classes from "./RunHeader.module.css";

/** Of a run at work when it began, for a pause in between is not what one asks; else since when it is in its state. */
function Since({ run }: { run: Run }) {
  const now = useNow();
  const at = (run.state === "running" && run.started_at) || run.state_since;
  const text = isOver(run.state) ? ago(at, now) : run.state === "running" ? `began ${ago(at, now)}` : `for ${duration(secondsSince(at, now))}`;
  return (
    <time className={classes.since} dateTime={at} title={absolute(at)}>
      {text}
    </time>
  );
}

/** Who the run is, how it is, and what can be done about it. */
export function RunHeader({ run }: { run: Run }) {
  const maySteer = useMaySteer();
  const lacksWorker = useLacksWorker(run);
  const meta = useRunAction(run.id, (patch: MetaPatch) => patchMeta(run.id, patch));
  return (
    <div className={classes.header}>
      <nav aria-label="Breadcrumb" className={classes.crumb}>
        <Link href="/">Runs</Link> <span aria-hidden="true">/</span> <span className={classes.id}>{run.id}</span>
      </nav>
      <div className={classes.row}>
        <h1 className={classes.name}>
          {maySteer ? <EditableText label="Name" value={run.name} onSave={(name) => meta.mutate({ name })} maxLength={120} required /> : run.name}
        </h1>
        <span className={classes.state}>
          <StateBadge state={run.state} />
          <Since run={run} />
          <Freshness run={run} />
        </span>
        <div className={classes.actions}>
          <RunButtons run={run} />
          <RunMenu run={run} />
        </div>
      </div>
      <div className={classes.about}>
        {maySteer ? (
          <>
            <TagsEditor tags={run.tags} onSave={(tags) => meta.mutate({ tags })} />
            <EditableText label="Notes" value={run.notes} placeholder="Add a note" onSave={(notes) => meta.mutate({ notes })} maxLength={20_000} multiline />
          </>
        ) : (
          <>
            <Tags tags={run.tags} />
            <span>{run.notes}</span>
          </>
        )}
      </div>
      <Lineage run={run} />
      {meta.error && <ProblemAlert error={meta.error} />}
      <ProgressLine progress={run.progress} state={run.state} wide notice={isOver(run.state) || lacksWorker ? undefined : <Notice run={run} />} />
      {lacksWorker && <LacksWorker run={run} />}
      {run.error && run.state === "failing" && <Alert color="red">{run.error.message}</Alert>}
    </div>
  );
}

/** One at a time, in a line that is there in every state: what one is about to click does not move away. */
function Notice({ run }: { run: Run }) {
  return run.state === "paused" || !(run.waiting_for || run.deadline || run.state === "queued") ? <PausedAt run={run} /> : <Waiting run={run} />;
}
