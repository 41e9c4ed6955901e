import { SegmentedControl } from "@mantine/core";
import type { Run } from "../../../api/types";
import { useParam } from "../../../app/router";
import { FollowView } from "./FollowView";
import { KeptView } from "./KeptView";
import classes from "./Rollouts.module.css";

const VIEWS = [
  { value: "kept", label: "Kept rollouts" },
  { value: "follow", label: "Follow a held-out prompt" },
];

/** What the numbers are made of: what was said, what it got, and what the teachers think of each word. */
export function RolloutsTab({ run }: { run: Run }) {
  const [view, setView] = useParam("view", "kept");
  const shown = view === "follow" ? "follow" : "kept";
  return (
    <div className={classes.tab}>
      <SegmentedControl className={classes.views} aria-label="What to read" data={VIEWS} value={shown} onChange={setView} />
      {shown === "follow" ? <FollowView run={run} /> : <KeptView run={run} />}
    </div>
  );
}
