import { Alert } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useRef, useState } from "react";
import { exportsQuery } from "../../../api/queries";
import type { ExportView, Run } from "../../../api/types";
import { announce } from "../../../parts/Announcer";
import { download } from "../../../parts/download";
import { asked } from "./asked";
import { exportEnded } from "./checkpointText";
import classes from "./Checkpoints.module.css";

/** A note goes by itself: what it says, the Checkpoints tab says too, and it may lie on what one wants to click. */
const SHOWN_MS = 10_000;

interface Ended {
  readonly id: number;
  /** By itself, for whoever asked for it here. */
  readonly isDownloaded: boolean;
}

/** Tells of each export that ends while one looks, whatever tab is open: it was asked for some time before. Whoever asked for it here gets it
 * without another click. */
export function ExportNotices({ run }: { run: Run }) {
  const exports = useQuery(exportsQuery(run.id)).data?.exports;
  const awaited = useRef(new Set<number>());
  const [ended, setEnded] = useState<readonly Ended[]>([]);
  useEffect(() => {
    for (const each of exports ?? []) {
      if (each.state === "waiting") awaited.current.add(each.id);
      else if (awaited.current.delete(each.id) || asked.has(each.id)) {
        announce(exportEnded(each));
        const isDownloaded = asked.delete(each.id) && each.url !== null;
        if (isDownloaded && each.url) download(each.url);
        setEnded((before) => [...before.filter(({ id }) => id !== each.id), { id: each.id, isDownloaded }]);
      }
    }
  }, [exports]);
  const shown = ended.flatMap(({ id, isDownloaded }) => {
    const made = exports?.find((each) => each.id === id && each.state !== "waiting");
    return made ? [{ made, isDownloaded }] : [];
  });
  if (shown.length === 0) return null;
  return (
    <div className={classes.notices}>
      {shown.map(({ made, isDownloaded }) => (
        <Note key={made.id} ended={made} isDownloaded={isDownloaded} onClose={() => setEnded((before) => before.filter(({ id }) => id !== made.id))} />
      ))}
    </div>
  );
}

/** Stays while a pointer or the focus is on it. */
function Note({ ended, isDownloaded, onClose }: { ended: ExportView; isDownloaded: boolean; onClose: () => void }) {
  const [isPointed, setPointed] = useState(false);
  const [isFocused, setFocused] = useState(false);
  const close = useEffectEvent(onClose);
  useEffect(() => {
    if (isPointed || isFocused) return;
    const timer = setTimeout(close, SHOWN_MS);
    return () => clearTimeout(timer);
  }, [isPointed, isFocused]);
  return (
    <Alert
      role="note"
      variant="light"
      color={ended.state === "ready" ? "var(--good)" : "var(--bad)"}
      title={exportEnded(ended)}
      withCloseButton
      closeButtonLabel="Close this note"
      onClose={onClose}
      onPointerEnter={() => setPointed(true)}
      onPointerLeave={() => setPointed(false)}
      onFocus={() => setFocused(true)}
      onBlur={() => setFocused(false)}
    >
      {ended.url ? (
        <>
          {ended.file}
          {isDownloaded && " was downloaded."}{" "}
          <a href={ended.url} download>
            {isDownloaded ? "Download again" : "Download"}
          </a>
        </>
      ) : (
        (ended.reason ?? "The worker did not say why.")
      )}
    </Alert>
  );
}
