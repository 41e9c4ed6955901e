import { Alert } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { exportsQuery } from "../../../api/queries";
import type { Run } from "../../../api/types";
import { announce } from "../../../parts/Announcer";
import { exportEnded } from "./checkpointText";
import classes from "./Checkpoints.module.css";

/** Tells of each export that ends while one looks, whatever tab is open: it was asked for some time before. */
export function ExportNotices({ run }: { run: Run }) {
  const exports = useQuery(exportsQuery(run.id)).data?.exports;
  const awaited = useRef(new Set<number>());
  const [ended, setEnded] = useState<readonly number[]>([]);
  useEffect(() => {
    for (const each of exports ?? []) {
      if (each.state === "waiting") awaited.current.add(each.id);
      else if (awaited.current.delete(each.id)) {
        announce(exportEnded(each));
        setEnded((before) => [...before, each.id]);
      }
    }
  }, [exports]);
  const shown = exports?.filter(({ id, state }) => state !== "waiting" && ended.includes(id)) ?? [];
  if (shown.length === 0) return null;
  return (
    <div className={classes.notices}>
      {shown.map((each) => (
        <Alert
          key={each.id}
          role="note"
          variant="light"
          color={each.state === "ready" ? "var(--good)" : "var(--bad)"}
          title={exportEnded(each)}
          withCloseButton
          closeButtonLabel="Close this note"
          onClose={() => setEnded((before) => before.filter((id) => id !== each.id))}
        >
          {each.url ? (
            <a href={each.url} download>
              Download it
            </a>
          ) : (
            (each.reason ?? "The worker did not say why.")
          )}
        </Alert>
      ))}
    </div>
  );
}
