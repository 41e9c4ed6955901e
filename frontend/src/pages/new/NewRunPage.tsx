import { Button, Select, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { runQuery, templatesQuery } from "../../api/queries";
import type { FieldProblem } from "../../api/types";
import { navigate } from "../../app/router";
import { useMaySteer } from "../../app/useMaySteer";
import { announce } from "../../parts/Announcer";
import { ProblemAlert } from "../../parts/Problem";
import { useTitle } from "../../parts/useTitle";
import { CheckPanel, SubmitButton } from "./CheckPanel";
import { SpecEditor, type EditorHandle } from "./SpecEditor";
import { useDraft, type Draft, type Origin } from "./useDraft";
import { useSpecCheck } from "./useSpecCheck";
import { useSubmit } from "./useSubmit";
import classes from "./NewRunPage.module.css";

const NO_PROBLEMS: readonly FieldProblem[] = [];

function OriginPicker({ origin, draft }: { origin: Origin; draft: Draft }) {
  const templates = useQuery(templatesQuery).data?.templates ?? [];
  const run = useQuery({ ...runQuery(origin.name), enabled: origin.kind === "run" }).data;
  const earlier = origin.kind === "run" ? [{ value: "", label: `Run: ${run?.name ?? origin.name}` }] : [];
  const chosen = templates.find((t) => origin.kind === "template" && t.name === origin.name);
  return (
    <div className={classes.origin}>
      <Select
        label="Start from"
        data={[...earlier, ...templates.map((t) => ({ value: t.name, label: t.title }))]}
        value={origin.kind === "run" ? "" : origin.name}
        onChange={(name) => name && navigate(`/new?template=${encodeURIComponent(name)}`, { replace: true })}
        allowDeselect={false}
      />
      <p>{origin.kind === "run" ? "The spec of that run, as it was submitted; the edits made while it trained are not in it." : chosen?.description}</p>
      {draft.edited && (
        <Button variant="default" size="xs" onClick={draft.reset}>
          Discard changes
        </Button>
      )}
    </div>
  );
}

/** A spec, what the server says of it, and the button that makes it a run. */
export function NewRunPage() {
  useTitle("New run");
  const maySteer = useMaySteer();
  const draft = useDraft();
  const editor = useRef<EditorHandle>(null);
  const checked = useSpecCheck(draft.text);
  const submit = useSubmit((run) => {
    draft.reset();
    navigate(`/runs/${run.id}`);
  });

  const problems = checked.check && !checked.check.valid && !checked.error ? checked.check.errors : NO_PROBLEMS;
  const start = (): void => {
    const first = problems[0];
    if (draft.text === null || submit.isPending || !maySteer) return;
    if (first && !checked.pending) {
      editor.current?.show(first);
      announce(`Not started. ${first.field}: ${first.message}`);
    } else submit.mutate(draft.text);
  };

  return (
    <>
      <div className={classes.head}>
        <h1>New run</h1>
        {maySteer && <SubmitButton loading={submit.isPending} onClick={start} />}
      </div>
      <OriginPicker origin={draft.origin} draft={draft} />
      {submit.error && <ProblemAlert error={submit.error} onRetry={start} />}
      {draft.error && <ProblemAlert error={draft.error} />}
      {draft.text === null && !draft.error && <Skeleton height={420} />}
      {draft.text !== null && (
        <div className={classes.columns}>
          <div className={classes.spec}>
            <SpecEditor ref={editor} value={draft.text} problems={problems} onChange={draft.write} onSubmit={start} />
            <p id="editor-help" className={classes.help}>
              <kbd>Ctrl</kbd> + <kbd>Enter</kbd> starts the run · <kbd>Esc</kbd> then <kbd>Tab</kbd> leaves the editor · changes are kept in this tab
            </p>
          </div>
          <CheckPanel {...checked} text={draft.text} onShow={(problem) => editor.current?.show(problem)} />
        </div>
      )}
    </>
  );
}
