import { ActionIcon } from "@mantine/core";
import type { ComparedRun } from "../../api/types";
import { Link } from "../../app/router";
import { Icon } from "../../parts/Icon";
import { StateBadge } from "../../parts/StateBadge";
import { RunMark } from "./RunMark";
import classes from "./Compare.module.css";

/** The runs with their looks, and what they are. */
export function Legend({ runs, onRemove }: { runs: readonly ComparedRun[]; onRemove: (id: string) => void }) {
  return (
    <ul className={classes.legend} aria-label="Compared runs">
      {runs.map((run) => (
        <li key={run.id}>
          <RunMark colour={run.colour} dash={run.dash} />
          <span className={classes.who}>
            <Link href={`/runs/${run.id}`} title={run.name}>
              {run.name}
            </Link>
            <span>
              {run.method}, seed {run.seed}
              {run.edits > 0 && `, ${run.edits} ${run.edits === 1 ? "edit" : "edits"}`}
            </span>
          </span>
          <StateBadge state={run.state} />
          <ActionIcon variant="subtle" color="gray" size={32} aria-label={`Remove ${run.name}`} onClick={() => onRemove(run.id)}>
            <Icon name="x" size={14} />
          </ActionIcon>
        </li>
      ))}
    </ul>
  );
}
