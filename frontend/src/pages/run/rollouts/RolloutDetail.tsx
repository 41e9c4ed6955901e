import { Button, Select, Skeleton } from "@mantine/core";
import { useQueries, useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { rolloutQuery } from "../../../api/rollouts";
import type { RolloutView, Run } from "../../../api/types";
import { useParam } from "../../../app/router";
import { Icon } from "../../../parts/Icon";
import { PolicyName } from "../../../parts/PolicyName";
import { ProblemAlert } from "../../../parts/Problem";
import { Completion } from "./Completion";
import { Legend } from "./Legend";
import { PromptCard } from "./PromptCard";
import { ALONE, limitOf, lowestTeacher, origin, rewardText } from "./reading";
import { setParams } from "./useFilter";
import classes from "./Detail.module.css";

const BESIDE = 7;
const ALONE_OPTION = { value: "alone", label: "How unlikely it was" };

interface Props {
  run: Run;
  id: number;
  /** Whether somebody asked for it, and did not just find it beside the list. */
  isChosen: boolean;
  colour: (policy: string) => string;
  onBack: () => void;
}

export function RolloutDetail({ run, id, isChosen, colour, onBack }: Props) {
  const { data, error, refetch } = useQuery(rolloutQuery(run.id, id));
  const article = useRef<HTMLElement>(null);
  useEffect(() => {
    // on a phone it takes the list's place, so that focus and eyes have to be brought there
    if (isChosen && window.matchMedia("(max-width: 900px)").matches) article.current?.focus();
  }, [isChosen]);
  return (
    <article ref={article} className={classes.detail} aria-label="Rollout" tabIndex={-1}>
      <Button className={classes.back} variant="default" leftSection={<Icon name="arrow" size={16} />} onClick={onBack}>
        All rollouts
      </Button>
      {error && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton role="group" height={360} aria-label="Loading" />}
      {data && <Loaded run={run} rollout={data} colour={colour} />}
    </article>
  );
}

function Loaded({ run, rollout, colour }: { run: Run; rollout: RolloutView; colour: (policy: string) => string }) {
  const others = useQueries({ queries: rollout.beside.slice(0, BESIDE).map(({ id }) => rolloutQuery(run.id, id)) });
  const all = [rollout, ...others.flatMap(({ data }) => data ?? [])];
  const policies = run.policies.map(({ name }) => name);
  all.sort((a, b) => policies.indexOf(a.policy) - policies.indexOf(b.policy));
  const tokens = all.flatMap((each) => each.completions.flatMap((completion) => completion.tokens));
  const named = [...new Set(tokens.flatMap((token) => Object.keys(token.teachers ?? {})))].toSorted((a, b) => policies.indexOf(a) - policies.indexOf(b));
  const [wanted, want] = useParam("colour", "");
  const by = wanted === "alone" ? ALONE : named.includes(wanted) ? wanted : (lowestTeacher(rollout) ?? named.find((name) => name !== rollout.policy) ?? ALONE);
  const limit = limitOf(tokens, by);
  return (
    <>
      <header className={classes.head}>
        <h2>
          <PolicyName name={rollout.policy} colour={colour(rollout.policy)} />
          <span>at step {rollout.step}</span>
        </h2>
        <span className={classes.dim}>
          {origin(rollout)} · {rollout.size === 1 ? "reward" : "rewards:"} {rewardText(rollout)} · temperature {rollout.temperature}
        </span>
        {rollout.part === "heldout" && (
          <Button variant="default" size="xs" onClick={() => setParams({ view: "follow", prompt: `${rollout.domain}/${rollout.index}`, step: String(rollout.step) })}>
            Follow this prompt
          </Button>
        )}
      </header>
      <PromptCard domain={rollout.domain} prompt={rollout.prompt} answer={rollout.answer} media={rollout.media} />
      <div className={classes.tools}>
        <Select
          className={classes.by}
          label="Colour tokens by"
          data={[...named.map((name) => ({ value: name, label: `The gap to ${name}` })), ALONE_OPTION]}
          value={by === ALONE ? "alone" : by}
          onChange={(value) => want(value ?? "")}
          allowDeselect={false}
        />
        <Legend by={by} limit={limit} among={all.length > 1 ? "these answers" : rollout.completions.length > 1 ? "these completions" : "this completion"} />
      </div>
      <div className={classes.completions}>
        {all.flatMap((each) =>
          ranked(each).map(({ completion, place }) => (
            <Completion
              key={`${each.id}.${place}`}
              completion={completion}
              title={rollout.part === "heldout" ? each.policy : each.completions.length === 1 ? "Completion" : `Completion ${place + 1} of ${each.size}`}
              colour={rollout.part === "heldout" ? colour(each.policy) : null}
              isTeacher={each.policy === by}
              by={by}
              limit={limit}
            />
          )),
        )}
      </div>
      {rollout.size > rollout.completions.length && (
        <p className={classes.dim}>
          Kept are {rollout.completions.length} of {rollout.size} completions: those with the lowest and the highest rewards.
        </p>
      )}
    </>
  );
}

/** The completions of a prompt, the lowest reward first. */
function ranked({ completions }: RolloutView) {
  return completions.map((completion, place) => ({ completion, place })).toSorted((a, b) => a.completion.reward - b.completion.reward);
}
