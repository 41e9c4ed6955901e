import { Alert, Button } from "@mantine/core";
import { command, commandsOf, STOPPING, useRunAction, type Command } from "../../api/actions";
import type { Run, RunState } from "../../api/types";
import { useMaySteer } from "../../app/useMaySteer";
import { AskOnce } from "../../parts/AskOnce";
import { Icon, type IconName } from "../../parts/Icon";
import { ProblemAlert } from "../../parts/Problem";
import { noticeOf, retryLabel } from "./runText";
import classes from "./RunHeader.module.css";

/** Buttons without a question. */
const PLAIN: readonly { what: Command; label: string; icon: IconName }[] = [
  { what: "pause", label: "Pause", icon: "pause" },
  { what: "resume", label: "Resume", icon: "play" },
  { what: "retry", label: "Retry", icon: "play" },
  { what: "reseed", label: "Retry with the next seed", icon: "play" },
];

/** The commands this state allows, as the server says; those that lose something ask once. While it stops, that word stands where the button
 * was that asked for it, and what can be done meanwhile stands before it, or on a phone below: a second click meets nothing. */
export function RunButtons({ run }: { run: Run }) {
  const act = useRunAction(run.id, (what: Command) => command(run.id, what));
  const notice = noticeOf(act.data);
  const maySteer = useMaySteer();
  const stopping = STOPPING[run.state];
  const doing = (what: Command): boolean => act.isPending && act.variables === what;
  if (!maySteer) return null;
  const allowed = commandsOf(run).map(({ what }) => what);
  const plain = PLAIN.filter(({ what }) => allowed.includes(what)).map(({ what, label, icon }) => (
    <Button key={what} variant="default" leftSection={<Icon name={icon} size={16} />} loading={doing(what)} onClick={() => act.mutate(what)}>
      {what === "retry" ? retryLabel(run.error) : label}
    </Button>
  ));
  return (
    <div className={classes.commands}>
      <div className={classes.groups}>
        {stopping && (
          <div className={classes.buttons}>
            <AskOnce
              label="Stop now"
              size="sm"
              title={`Ends the attempts now. ${lostBy(run.state)}`}
              question={`End the attempts now, before they have stored their state? ${lostBy(run.state)}`}
              yes="Stop now"
              no="Wait"
              leftSection={<Icon name="stop" size={14} />}
              loading={doing("force")}
              onYes={() => act.mutate("force")}
            />
            {plain}
          </div>
        )}
        <div className={classes.buttons}>
          {stopping ? (
            <Button variant="default" disabled>
              {stopping}
            </Button>
          ) : (
            plain
          )}
          {allowed.includes("cancel") && (
            <AskOnce
              label="Cancel"
              size="sm"
              question="End this run for good? Its checkpoints and numbers stay."
              yes="Cancel run"
              leftSection={<Icon name="stop" size={14} />}
              loading={doing("cancel")}
              onYes={() => act.mutate("cancel")}
            />
          )}
        </div>
      </div>
      {act.error && <ProblemAlert error={act.error} />}
      {notice && <Alert color="yellow">The run goes on, but {notice}.</Alert>}
    </div>
  );
}

/** What it costs not to wait for attempts to store their state. */
function lostBy(state: RunState): string {
  const lost = "Steps since their last stored state are lost";
  return state === "cancelling" ? `${lost}.` : `${lost}; they are trained again, with the same outcome, once the run goes on.`;
}
