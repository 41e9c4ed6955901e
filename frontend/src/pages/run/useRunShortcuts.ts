import { command, useRunAction, type Command } from "../../api/actions";
import type { Run } from "../../api/types";
import { useMaySteer } from "../../app/useMaySteer";
import { announce } from "../../parts/Announcer";
import { useShortcuts } from "../../shortcuts/registry";

/** The keyboard of a run's page: its parts by number, and the one command that is safe to give with a single key. */
export function useRunShortcuts(run: Run, parts: readonly { name: string; open: () => void }[]): void {
  const maySteer = useMaySteer();
  const act = useRunAction(run.id, (what: Command) => command(run.id, what));
  const wanted = (["pause", "resume"] as const).find((what) => run.allowed.includes(what));
  const toggle = (): void => {
    if (!wanted || act.isPending) return;
    act.mutate(wanted);
    announce(`Asked to ${wanted}.`);
  };
  useShortcuts("This run", [
    ...parts.map(({ name, open }, i) => ({ keys: String(i + 1), what: name, run: open })),
    ...(maySteer && wanted ? [{ keys: "p", what: wanted === "pause" ? "Pause the run" : "Resume the run", run: toggle }] : []),
  ]);
}
