import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { KeyboardEvent } from "react";
import { runQuery, segmentsQuery } from "../../../api/queries";
import type { Run, SegmentView } from "../../../api/types";
import { Link, navigate, useParam, useUrl } from "../../../app/router";
import { useMaySteer } from "../../../app/useMaySteer";
import { announce } from "../../../parts/Announcer";
import { CopyCurl } from "../../../parts/CopyCurl";
import { Icon } from "../../../parts/Icon";
import { ProblemAlert } from "../../../parts/Problem";
import { useTitle } from "../../../parts/useTitle";
import { Changes } from "../Changes";
import { changesOf } from "../diff";
import { Estimates } from "../Estimates";
import type { Field } from "../form/shape";
import { PlanChart } from "../PlanChart";
import { submittedText, withEdits } from "../specText";
import { useSpecFields } from "../useDraft";
import { useSpecCheck } from "../useSpecCheck";
import { read } from "../yaml/read";
import { bestCut, cutText, endedRounds, recipeOf, splitEdits } from "./cut";
import { ForkFields } from "./ForkFields";
import { useForkDraft, useForkSubmit } from "./useFork";
import formClasses from "../form/Form.module.css";
import pageClasses from "../NewRunPage.module.css";
import classes from "./ForkPage.module.css";

/** A new run that goes on from the end of an earlier one's round, with edits or without. */
export function ForkPage({ id }: { id: string }) {
  useTitle("Fork");
  const run = useQuery(runQuery(id));
  const segments = useQuery(segmentsQuery(id));
  const { fields, error: noSchema } = useSpecFields();
  const error = run.error ?? segments.error ?? noSchema;
  if (error) return <ProblemAlert error={error} onRetry={() => void Promise.all([run.refetch(), segments.refetch()])} />;
  if (!run.data || !segments.data || !fields) return <Skeleton height={420} />;
  return <Fork run={run.data} segments={segments.data.segments} fields={fields} />;
}

/** `round` of the URL: how many rounds are kept. */
function useKept(segments: readonly SegmentView[]): number {
  const wanted = useUrl().searchParams.get("round");
  const ended = endedRounds(segments);
  return wanted === null || !/^\d+$/.test(wanted) ? bestCut(segments) : Math.min(Number(wanted), ended);
}

function Fork({ run, segments, fields }: { run: Run; segments: readonly SegmentView[]; fields: readonly Field[] }) {
  const maySteer = useMaySteer();
  const [mode, setMode] = useParam("mode", "fork");
  const isRollBack = mode === "rollback";
  const kept = useKept(segments);
  const draft = useForkDraft(run.id);
  const { held, later } = splitEdits(run.edits, segments, kept);
  const recipe = recipeOf(run, held, draft.changes, kept);
  const checked = useSpecCheck(JSON.stringify(recipe), kept);
  const submit = useForkSubmit(run.id, (made) => {
    draft.clear();
    navigate(`/runs/${made.id}`);
  });
  const wish = { keep_rounds: kept, set: draft.changes, reseed: draft.reseed, ...(draft.name.trim() && !isRollBack && { name: draft.name.trim() }) };
  const problems = (checked.check?.valid === false ? checked.check.errors : []).map(({ field, message }) => {
    const edit = recipe.edits[Number(/^edits\.(\d+)/.exec(field)?.[1])];
    return edit ? { field: String(edit["path"]), message: message.replace(`${String(edit["path"])}: `, "") } : { field, message };
  });
  const text = submittedText(run, fields);
  const before = withEdits(text, run.edits, fields);
  const own = Object.entries(draft.changes).map(([path, value]) => ({ path, value }));
  const after = withEdits(withEdits(text, held, fields), own, fields);
  const start = (): void => {
    if (submit.isPending || !maySteer) return;
    if (problems[0] && !checked.pending) announce(`Not started. ${problems[0].field}: ${problems[0].message}`);
    else submit.mutate({ wish, isRollBack });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    start();
  };
  const planned = checked.check?.segments ?? [];
  return (
    <div onKeyDown={onKeyDown}>
      <div className={pageClasses.head}>
        <h1>{isRollBack ? "Roll back" : "Fork"}</h1>
        <div className={pageClasses.actions}>
          <CopyCurl method="POST" path={`/api/v1/runs/${run.id}/${isRollBack ? "rollback" : "fork"}`} body={wish} />
          {maySteer && (
            <Button loading={submit.isPending} onClick={start} leftSection={<Icon name="play" size={16} />} title="Ctrl or Cmd + Enter">
              {isRollBack ? "Roll back" : "Start fork"}
            </Button>
          )}
        </div>
      </div>
      {submit.error && <ProblemAlert error={submit.error} onRetry={start} />}
      <div className={pageClasses.columns}>
        <div className={formClasses.form}>
          <Where run={run} kept={kept} ended={endedRounds(segments)} mode={mode} setMode={setMode} name={draft.name} setName={draft.setName} />
          {later.length > 0 && (
            <p className={classes.note}>
              {later.length === 1 ? "One edit" : `${later.length} edits`} took effect after this point and {later.length === 1 ? "is" : "are"} not kept: {later.map(({ path, value }) => `${path} = ${String(value)}`).join(", ")}.{" "}
              <button type="button" className={pageClasses.link} onClick={() => draft.setAll(Object.fromEntries(later.map(({ path, value }) => [path, value as number])))}>
                Set {later.length === 1 ? "it" : "them"} here too
              </button>
            </p>
          )}
          <ForkFields run={run} later={later} fields={fields} draft={draft} problems={problems} />
        </div>
        <section className={`${pageClasses.panel} ${classes.panel}`} aria-label="Plan" aria-busy={checked.pending} tabIndex={0}>
          <h2 className={pageClasses.verdict} data-wrong={problems.length > 0 || undefined}>
            <span role="status">{problems.length ? (problems.length === 1 ? "One thing to put right" : `${problems.length} things to put right`) : "The plan"}</span>
          </h2>
          {checked.error && <ProblemAlert error={checked.error} />}
          {problems.map(({ field, message }) => (
            <p key={field + message} className={classes.problem}>
              <code>{field}</code> {message}
            </p>
          ))}
          {checked.check?.valid && (
            <>
              <p className={classes.cut}>{cutText(planned, segments, kept)}</p>
              {checked.check.estimate && <Estimates estimate={checked.check.estimate} />}
              <PlanChart segments={planned} policies={checked.check.policies} kept={kept} />
            </>
          )}
          <Changes title={`Changes from ${run.name}`} changes={changesOf(read(before).data, read(after).data)} before={before} after={after} />
        </section>
      </div>
    </div>
  );
}

interface WhereProps {
  run: Run;
  kept: number;
  ended: number;
  mode: string;
  setMode: (mode: string) => void;
  name: string;
  setName: (name: string) => void;
}

function Where({ run, kept, ended, mode, setMode, name, setName }: WhereProps) {
  const [, setRound] = useParam("round", "");
  const endsIt = run.allowed.includes("cancel");
  return (
    <div className={`${formClasses.section} ${classes.where}`}>
      <p>
        From <Link href={`/runs/${run.id}`}>{run.name}</Link>
      </p>
      <div className={formClasses.row}>
        <label htmlFor="fork-round" className={formClasses.label}>
          Goes on from
        </label>
        <select id="fork-round" className={formClasses.input} value={kept} onChange={(event) => setRound(event.currentTarget.value)}>
          {Array.from({ length: ended + 1 }, (_, round) => (
            <option key={round} value={round}>
              {round === 0 ? "the start" : `the end of round ${round}`}
            </option>
          ))}
        </select>
      </div>
      <fieldset className={classes.modes}>
        <legend className={formClasses.label}>What becomes of the run it comes from</legend>
        <label>
          <input type="radio" name="mode" checked={mode !== "rollback"} onChange={() => setMode("fork")} />
          <span>Fork: it stays as it is; this is a run beside it.</span>
        </label>
        <label>
          <input type="radio" name="mode" checked={mode === "rollback"} onChange={() => setMode("rollback")} />
          <span>Roll back: {endsIt ? "it is cancelled" : "it is over already"} and keeps all it has; this one takes its name.</span>
        </label>
      </fieldset>
      {mode !== "rollback" && (
        <div className={formClasses.row} data-wide>
          <label htmlFor="fork-name" className={formClasses.label}>
            Name
          </label>
          <input id="fork-name" type="text" autoComplete="off" maxLength={120} className={formClasses.input} placeholder={`${run.name}, from round ${kept}`} value={name} onChange={(event) => setName(event.currentTarget.value)} />
        </div>
      )}
    </div>
  );
}
