import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { MouseEvent } from "react";
import { overlapsQuery } from "../../../api/agreement";
import { themeQuery } from "../../../api/charts";
import type { Run } from "../../../api/types";
import { useParam } from "../../../app/router";
import { pick, told, type History, type Shown } from "../../../charts/matrices";
import { useLive } from "../../../live/useLiveRun";
import { ProblemAlert } from "../../../parts/Problem";
import { waitingText } from "../runText";
import { MatrixPicture } from "./MatrixPicture";
import classes from "./Agreement.module.css";

/** The student × teacher matrix at up to twelve measured steps; each leads the heat map beside it to its step. */
export function Multiples({ run }: { run: Run }) {
  const ready = useLive((view) => view.ready);
  const [domain, setDomain] = useParam("on", "");
  const [at, setAt] = useParam("at", "");
  const { data, error, refetch } = useQuery({ ...overlapsQuery(run.id, domain), enabled: ready });
  const shown = data ? pick(data, data.lowest?.step ?? null) : [];
  const newest = data?.steps.at(-1);
  const chosen = at === "" ? newest : Number(at);
  const options = [{ value: "", label: "all domains" }, ...run.domains.map((name) => ({ value: name, label: name }))];
  return (
    <section className={classes.card} aria-labelledby="multiples">
      <header className={classes.head}>
        <h3 id="multiples">How did that change?</h3>
        <NativeSelect size="xs" aria-label="Prompts of" data={options} value={domain} onChange={(event) => setDomain(event.currentTarget.value)} className={classes.select} />
      </header>
      {error && !data && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {data && shown.length === 0 && <p className={classes.waiting}>{waitingText("agreement", run)}</p>}
      {data && shown.length > 0 && (
        <>
          <ol className={classes.multiples}>
            {shown.map((each) => (
              <li key={each.step}>
                <Multiple shown={each} history={data} isChosen={each.step === chosen} isLowest={each.step === data.lowest?.step} onChoose={() => setAt(each.step === newest ? "" : String(each.step))} />
              </li>
            ))}
          </ol>
          <Scale names={data} count={shown.length} total={data.steps.length} />
        </>
      )}
    </section>
  );
}

interface Props {
  shown: Shown;
  history: History;
  isChosen: boolean;
  isLowest: boolean;
  onChoose: () => void;
}

function Multiple({ shown: { step, matrix }, history, isChosen, isLowest, onChoose }: Props) {
  const words = told(matrix, history);
  const url = new URL(window.location.href);
  url.searchParams.set("at", String(step));
  const choose = (event: MouseEvent): void => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return; // a new tab is the browser's
    event.preventDefault();
    onChoose();
  };
  const summary = words ? `mean ${words.mean.toFixed(2)}, lowest ${words.lowest.value.toFixed(2)}, ${words.lowest.student} with ${words.lowest.teacher}` : "";
  return (
    <a href={url.pathname + url.search} className={classes.multiple} aria-current={isChosen ? "step" : undefined} onClick={choose}>
      <MatrixPicture matrix={matrix} />
      <span className={classes.step}>
        <span>
          step {step}
          <span className="visually-hidden">: {summary}</span>
        </span>
        {isLowest && <em title="the lowest overlap so far">min</em>}
      </span>
    </a>
  );
}

/** What the colours mean, and how the rows and columns are named. */
function Scale({ names, count, total }: { names: History; count: number; total: number }) {
  const theme = useQuery(themeQuery).data;
  const [low, high] = theme?.agreement_range.map((end) => end.toFixed(1)) ?? [];
  return (
    <p className={classes.scale}>
      {theme && (
        <span>
          {low}
          <span className={classes.bar} style={{ background: `linear-gradient(to right, ${theme.agreement_scale.join(", ")})` }} />
          {high}
        </span>
      )}
      <span>
        rows: student {names.students.join(", ")}; columns: teacher {names.teachers.join(", ")}
      </span>
      {total > count && (
        <span>
          {count} of {total} measured steps
        </span>
      )}
    </p>
  );
}
