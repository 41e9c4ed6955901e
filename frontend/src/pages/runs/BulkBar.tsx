import { ActionIcon, Button } from "@mantine/core";
import { useState } from "react";
import type { BulkCommand } from "../../api/runs";
import { Link } from "../../app/router";
import { useMaySteer } from "../../app/useMaySteer";
import { Icon } from "../../parts/Icon";
import { count } from "../../parts/numbers";
import { MOST_COMPARED, sorted } from "./bulk";
import { CommandDialog } from "./CommandDialog";
import { DeleteDialog } from "./DeleteDialog";
import { TagsDialog } from "./TagsDialog";
import type { Selecting } from "./useSelection";
import classes from "./BulkBar.module.css";

type Open = BulkCommand | "tags" | "delete" | null;
const COMMANDS = [
  { what: "pause", label: "Pause", icon: "pause" },
  { what: "resume", label: "Resume", icon: "play" },
  { what: "cancel", label: "Cancel", icon: "stop" },
] as const;

/** What can be done to the selected runs, at the foot of the window while any is selected. */
export function BulkBar({ selecting, total }: { selecting: Selecting; total: number }) {
  const [open, setOpen] = useState<Open>(null);
  const maySteer = useMaySteer();
  const runs = [...selecting.selection.values()];
  const close = (): void => setOpen(null);
  if (runs.length === 0) return null;
  const canCompare = runs.length > 1 && runs.length <= MOST_COMPARED;
  return (
    <>
      <section className={classes.bar} aria-label="Selected runs">
        <strong className={classes.many}>
          {count(runs.length)} <span>of {count(total)} selected</span>
        </strong>
        <div className={classes.actions}>
          {maySteer &&
            COMMANDS.map(({ what, label, icon }) => (
              <Button key={what} variant="default" disabled={sorted(what, runs).can.length === 0} leftSection={<Icon name={icon} size={14} />} onClick={() => setOpen(what)}>
                {label}
              </Button>
            ))}
          {maySteer && (
            <>
              <Button variant="default" onClick={() => setOpen("tags")}>
                Tags
              </Button>
              <Button variant="default" onClick={() => setOpen("delete")}>
                Delete
              </Button>
            </>
          )}
          {canCompare ? (
            <Button component={Link} href={`/compare?runs=${runs.map(({ id }) => id).join()}`}>
              Compare
            </Button>
          ) : (
            <Button disabled title={runs.length === 1 ? "Select another run to compare it with" : `At most ${MOST_COMPARED} runs are compared`}>
              Compare
            </Button>
          )}
        </div>
        <ActionIcon variant="subtle" color="gray" size={36} aria-label="Select none" onClick={selecting.clear} className={classes.clear}>
          <Icon name="x" size={16} />
        </ActionIcon>
      </section>
      {(open === "pause" || open === "resume" || open === "cancel") && <CommandDialog command={open} runs={runs} onClose={close} />}
      {open === "tags" && <TagsDialog runs={runs} onClose={close} />}
      {open === "delete" && <DeleteDialog runs={runs} onClose={close} onDeleted={selecting.clear} />}
    </>
  );
}
