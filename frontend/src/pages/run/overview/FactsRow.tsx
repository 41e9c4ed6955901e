import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, type ReactNode } from "react";
import { factsQuery } from "../../../api/charts";
import type { EditView, Run } from "../../../api/types";
import { useParam } from "../../../app/router";
import { pointsOfSeries } from "../../../live/curves";
import { useLive, useLiveRun } from "../../../live/useLiveRun";
import { accuracy, pointsBetween, setting } from "../../../parts/numbers";
import { PolicyName } from "../../../parts/PolicyName";
import { usePolicyColours } from "../../../parts/policyColour";
import { isOver } from "../runText";
import { shortName } from "../weights/names";
import { bestPolicy, lowestOverlap, weakest, type LowestOverlap, type MeanOf, type Weakest } from "./facts";
import classes from "./FactsRow.module.css";

/** What a newcomer reads first: how good it is, where it is weak, how far the experts have drifted, and what was changed. */
export function FactsRow({ run }: { run: Run }) {
  const live = useLiveRun();
  const ready = useLive((view) => view.ready);
  const { data } = useQuery({ ...factsQuery(run.id), enabled: ready });
  useEffect(() => {
    if (data) live.load(pointsOfSeries(data.series));
  }, [data, live]);
  const curves = useLive((view) => view.curves);
  const colour = usePolicyColours(run.policies);
  const facts = useMemo(() => ({ best: bestPolicy(curves, run), weak: weakest(curves, run), lowest: lowestOverlap(curves) }), [curves, run]);
  const { best, weak, lowest } = facts;
  const edits = run.edits.filter((edit) => edit.effective.length > 0);
  const newest = edits.at(-1);
  const soon = data ? "after the first evaluation" : "…";
  const hasPairs = run.policies.filter((policy) => policy.role === "expert").length > 1;
  return (
    <section aria-label="At a glance">
      <dl className={classes.facts}>
        <Fact name="Mean accuracy" detail={best ? meanText(best, isOver(run.state)) : soon}>
          {best && (
            <>
              {accuracy(best.mean)} <PolicyName name={best.policy} colour={colour(best.policy)} />
            </>
          )}
        </Fact>
        <Fact name="Weakest domain" detail={weak ? weakestOf(weak) : soon}>
          {weak && `${weak.domain}, ${accuracy(weak.accuracy)}${weak.error === null ? "" : `\u00a0±\u00a0${(100 * weak.error).toFixed(1)}`}`}
        </Fact>
        {hasPairs && (
          <Fact name={isOver(run.state) ? "Lowest overlap" : "Lowest overlap so far"} detail={lowest ? <LowestLink lowest={lowest} run={run} /> : data ? "after the first measuring" : "…"}>
            {lowest && (
              <>
                {lowest.value.toFixed(2)} <span>of likeliest tokens shared</span>
              </>
            )}
          </Fact>
        )}
        <Fact name="Edits" detail={newest ? <NewestEdit edit={newest} /> : "no setting was changed"}>
          {edits.length ? String(edits.length) : "none"}
        </Fact>
      </dl>
    </section>
  );
}

function meanText({ policy, base, mean, step, isFollowed }: MeanOf, isRunOver: boolean): string {
  if (policy === "base") return "of the base model, before training";
  const over = base === null ? "" : `${pointsBetween(base, mean)} points over base, `;
  return `${over}at step ${step}${isFollowed && !isRunOver ? "; a newer one is being evaluated" : ""}`;
}

function weakestOf({ policy, step, rivals }: Weakest): string {
  const who = policy === "base" ? "of the base model, before training" : `of ${policy === "merged" ? "the merged model" : policy}’s domains, at step ${step}`;
  if (!rivals.length) return who;
  return `${who}; ${rivals.map(({ domain, accuracy: value }) => `${domain}, ${accuracy(value)},`).join(" and ")} may be as weak`;
}

function NewestEdit({ edit }: { edit: EditView }) {
  return (
    <span title={edit.path}>
      {shortName(edit.path)}: {setting(edit.old)} → {setting(edit.value)}, from step {edit.effective[0]?.step}
    </span>
  );
}

function Fact({ name, detail, children }: { name: string; detail: ReactNode; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className={classes.value}>{children || "–"}</dd>
      <dd className={classes.detail}>{detail}</dd>
    </div>
  );
}

/** Leads to the matrix at that step. */
function LowestLink({ lowest: { student, teacher, step }, run: { edges, domains } }: { lowest: LowestOverlap; run: Run }) {
  const teaches = edges.some(([learner, from]) => learner === student && from === teacher);
  const [, setStep] = useParam("at", "");
  const show = (): void => {
    setStep(String(step));
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    document.getElementById("chart-agreement")?.scrollIntoView({ block: "center", behavior: still ? "auto" : "smooth" });
  };
  return (
    <>
      {domains.length > 1 && `mean of the ${domains.length} domains; `}
      <button type="button" className={classes.link} onClick={show}>
        {teaches ? `student ${student} ← teacher ${teacher}` : `${student} and ${teacher}, which does not teach it`}, at step {step}
      </button>
    </>
  );
}
