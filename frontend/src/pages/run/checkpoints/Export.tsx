import { Button, Loader } from "@mantine/core";
import type { ExportView, ListedCheckpoint, Run } from "../../../api/types";
import { useMaySteer } from "../../../app/useMaySteer";
import { useLive } from "../../../live/useLiveRun";
import { CopyCurl } from "../../../parts/CopyCurl";
import { Icon } from "../../../parts/Icon";
import { ProblemAlert } from "../../../parts/Problem";
import { exportState } from "./checkpointText";
import { useExport } from "./useCheckpointActions";
import classes from "./Checkpoints.module.css";

interface Props {
  run: Run;
  checkpoint: ListedCheckpoint;
  made: ExportView | undefined;
  /** What is exported, in the words that go on from "Export". */
  name: string;
  /** What the button says after its verb, where it does not stand beside it. */
  label?: string;
  /** Whether it is the page's own proposal, and not one of many. */
  isMain?: boolean;
}

/** Asks for the folder of a checkpoint, tells how far it is, and hands it out. */
export function Export({ run, checkpoint, made, name, label, isMain = false }: Props) {
  const maySteer = useMaySteer();
  const act = useExport(run);
  const progress = useLive((view) => view.progress);
  const state = act.isPending ? "waiting" : exportState(made);
  const button = { size: isMain || label ? "sm" : "xs", variant: isMain ? "filled" : "default", leftSection: <Icon name="download" size={14} /> };
  const said = (verb: string): string => (label ? `${verb} ${label}` : verb);
  const named = (verb: string): string => `${said(verb)} ${name}`;
  if (state === "ready" && made?.url) {
    return (
      <Button {...button} variant="filled" component="a" href={made.url} download aria-label={named("Download")}>
        {said("Download")}
      </Button>
    );
  }
  const far = made && progress.get(made.segment);
  return (
    <>
      {(state === "waiting" || state === "running") && (
        <span className={classes.under}>
          <Loader size={14} aria-hidden="true" />
          {state === "waiting" ? "asked for; it goes before the run’s other work once a worker is free" : `exporting${far ? `, ${far.done} of ${far.total}` : " …"}`}
        </span>
      )}
      {state === "failed" && <span className={classes.failed}>The export failed: {made?.reason ?? "the worker did not say why"}</span>}
      {maySteer && (state === "none" || state === "failed") && (
        <>
          <Button {...button} aria-label={named(state === "failed" ? "Try again to export" : "Export")} onClick={() => act.mutate(checkpoint)}>
            {said(state === "failed" ? "Try again to export" : "Export")}
          </Button>
          <CopyCurl method="POST" path={`/api/v1/runs/${run.id}/export`} body={{ policy: checkpoint.policy, step: checkpoint.step }} what={`export ${label ? `${label} ` : ""}${name}`} />
        </>
      )}
      {act.error && <ProblemAlert error={act.error} />}
    </>
  );
}
