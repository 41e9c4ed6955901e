import { Button, Select, Skeleton } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useRef, type KeyboardEvent } from "react";
import { templatesQuery } from "../../api/queries";
import type { FieldProblem } from "../../api/types";
import { navigate, useParam, useUrl } from "../../app/router";
import { useMaySteer } from "../../app/useMaySteer";
import { announce } from "../../parts/Announcer";
import { CopyCurl } from "../../parts/CopyCurl";
import { ProblemAlert } from "../../parts/Problem";
import { useTitle } from "../../parts/useTitle";
import { Changes } from "./Changes";
import { CheckPanel, SubmitButton } from "./CheckPanel";
import { changesOf } from "./diff";
import { ForkPage } from "./fork/ForkPage";
import { focusField, SpecForm } from "./form/SpecForm";
import type { EditorHandle } from "./SpecEditor";
import { useDraft, useSpecFields, type Draft } from "./useDraft";
import { useSpecCheck } from "./useSpecCheck";
import { useSubmit } from "./useSubmit";
import { ViewTabs, type View } from "./ViewTabs";
import { read } from "./yaml/read";
import classes from "./NewRunPage.module.css";

const SpecEditor = lazy(() => import("./SpecEditor").then((m) => ({ default: m.SpecEditor })));
const NO_PROBLEMS: readonly FieldProblem[] = [];
/** Above it form and text stand beside each other. */
const WIDE = "(min-width: 1001px)";

export function NewRunPage() {
  const { searchParams } = useUrl();
  const forked = searchParams.get("fork");
  return forked ? <ForkPage key={forked} id={forked} /> : <WriteRun />;
}

function OriginPicker({ draft }: { draft: Draft }) {
  const { origin, run } = draft;
  const templates = useQuery(templatesQuery).data?.templates ?? [];
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
      {origin.kind === "run" ? <OfRun draft={draft} /> : <p>{chosen?.description}</p>}
      {draft.edited && (
        <Button variant="default" size="xs" onClick={draft.reset}>
          Discard changes
        </Button>
      )}
    </div>
  );
}

/** A clone: with the edits that were made while the run trained, or without them. */
function OfRun({ draft: { origin, run } }: { draft: Draft }) {
  const edits = run?.edits.length ?? 0;
  const [, setEdits] = useParam("edits", "1");
  if (!edits) return <p>The spec of that run, as it was submitted. It was never edited.</p>;
  return (
    <div className={classes.clone}>
      <p>
        {origin.submitted
          ? `The spec of that run as it was submitted, without the ${edits === 1 ? "edit" : `${edits} edits`} made while it trained.`
          : `The spec of that run as it stands: its ${edits === 1 ? "edit holds" : `${edits} edits hold`} from the first step here. Where each took effect is told by its recipe, which gives the same weights again.`}
      </p>
      <button type="button" className={classes.link} onClick={() => setEdits(origin.submitted ? "1" : "0")}>
        {origin.submitted ? "Take it with its edits" : "Take it as it was submitted"}
      </button>
    </div>
  );
}

/** A spec as a form and as text, what the server says of it, and the button that makes it a run. */
function WriteRun() {
  useTitle("New run");
  const maySteer = useMaySteer();
  const draft = useDraft();
  const { fields, error: noSchema } = useSpecFields();
  const editor = useRef<EditorHandle>(null);
  const isWide = useMediaQuery(WIDE, undefined, { getInitialValueInEffect: false });
  const [view, setView] = useParam("view", "form");
  const checked = useSpecCheck(draft.text);
  const submit = useSubmit((run) => {
    draft.reset();
    navigate(`/runs/${run.id}`);
  });

  const problems = checked.check && !checked.check.valid && !checked.error ? checked.check.errors : NO_PROBLEMS;
  const show = (problem: FieldProblem): void => {
    const isForm = isWide ? document.activeElement?.closest("[aria-label='Form']") != null : view === "form";
    if (isForm && problem.field && focusField(problem.field)) return;
    if (isWide || view === "yaml") editor.current?.show(problem);
    else {
      setView("yaml");
      requestAnimationFrame(() => editor.current?.show(problem));
    }
  };
  const start = (): void => {
    const first = problems[0];
    if (draft.text === null || submit.isPending || !maySteer) return;
    if (first && !checked.pending) {
      show(first);
      announce(`Not started. ${first.field}: ${first.message}`);
    } else submit.mutate(draft.text);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.defaultPrevented) return;
    event.preventDefault();
    if (document.activeElement instanceof HTMLElement && document.activeElement.matches("input")) commit(document.activeElement);
    setTimeout(start);
  };

  return (
    <div onKeyDown={onKeyDown}>
      <div className={classes.head}>
        <h1>New run</h1>
        <div className={classes.actions}>
          {draft.text !== null && <CopyCurl method="POST" path="/api/v1/runs" body={draft.text} headers={{ "Content-Type": "application/yaml" }} />}
          {maySteer && <SubmitButton loading={submit.isPending} onClick={start} />}
        </div>
      </div>
      <OriginPicker draft={draft} />
      {submit.error && <ProblemAlert error={submit.error} onRetry={start} />}
      {(draft.error ?? noSchema) && <ProblemAlert error={(draft.error ?? noSchema)!} />}
      {draft.text === null && !draft.error && <Skeleton height={420} />}
      {draft.text !== null && (
        <>
          {!isWide && <ViewTabs view={view as View} onChange={setView} />}
          <div className={classes.columns} data-view={isWide ? "both" : view}>
            <div className={classes.formColumn} id="panel-form" {...(!isWide && { role: "tabpanel", "aria-labelledby": "tab-form" })}>
              {fields ? (
                <SpecForm text={draft.text} fields={fields} origin={draft.source} problems={problems} edges={checked.check?.edges ?? []} onChange={draft.write} />
              ) : (
                <Skeleton height={420} />
              )}
            </div>
            <div className={classes.side}>
              <div className={classes.spec} id="panel-yaml" {...(!isWide && { role: "tabpanel", "aria-labelledby": "tab-yaml" })}>
                <Suspense fallback={<Skeleton className={classes.editor ?? ""} />}>
                  <SpecEditor ref={editor} value={draft.text} problems={problems} onChange={draft.write} onSubmit={start} />
                </Suspense>
                <p id="editor-help" className={classes.help}>
                  <kbd>Ctrl</kbd> + <kbd>Enter</kbd> starts the run · <kbd>Esc</kbd> then <kbd>Tab</kbd> leaves the editor · changes are kept in this tab
                </p>
              </div>
              <CheckPanel {...checked} text={draft.text} onShow={show}>
                {draft.edited && draft.source !== null && <ChangesFrom draft={draft} source={draft.source} text={draft.text} />}
              </CheckPanel>
            </div>
          </div>
        </>
      )}
    </div>
  );
}

/** Leaves and enters a field, which then takes what was typed. */
function commit(field: HTMLElement): void {
  field.blur();
  field.focus();
}

function ChangesFrom({ draft, source, text }: { draft: Draft; source: string; text: string }) {
  const templates = useQuery(templatesQuery).data?.templates;
  const name = draft.run?.name ?? templates?.find((t) => t.name === draft.origin.name)?.title ?? "the start";
  const [before, after] = [read(source), read(text)];
  const changes = before.whole && after.whole ? changesOf(before.data, after.data) : [];
  return <Changes title={`Changes from ${name}`} changes={changes} before={source} after={text} />;
}
