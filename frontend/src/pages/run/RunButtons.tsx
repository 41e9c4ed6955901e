import { Alert, Button } from "@mantine/core";
import { command, useRunAction, type Command } from "../../api/actions";
import type { Run, RunState, Trigger } from "../../api/types";
import { useMaySteer } from "../../app/useMaySteer";
import { AskOnce } from "../../parts/AskOnce";
import { Icon, type IconName } from "../../parts/Icon";
import { ProblemAlert } from "../../parts/Problem";
import { noticeOf, retryLabel } from "./runText";
import classes from "./RunHeader.module.css";

/** Buttons without a question, each with the command that must be allowed. */
const PLAIN: readonly { what: Command; needs: Trigger; label: string; icon: IconName }[] = [
  { what: "pause", needs: "pause", label: "Pause", icon: "pause" },
  { what: "resume", needs: "resume", label: "Resume", icon: "play" },
  { what: "retry", needs: "retry", label: "Retry", icon: "play" },
  { what: "reseed", needs: "retry", label: "Retry with the next seed", icon: "play" },
];
/** States that wait for attempts to end; the wait can be cut short. */
const STOPPING: Partial<Record<RunState, string>> = { pausing: "Pausing …", failing: "Failing …", cancelling: "Cancelling …" };

/** The commands this state allows, as the server says; those that lose something ask once. While it stops, that word stands where the button
 * was that asked for it, and what can be done meanwhile stands before it, or on a phone below: a second click meets nothing. */
export function RunButtons({ run }: { run: Run }) {
  const act = useRunAction(run.id, (what: Command) => command(run.id, what));
  const notice = noticeOf(act.data);
  const maySteer = useMaySteer();
  const stopping = STOPPING[run.state];
  const doing = (what: Command): boolean => act.isPending && act.variables === what;
  if (!maySteer) return null;
  const plain = PLAIN.filter(({ needs }) => run.allowed.includes(needs)).map(({ what, label, icon }) => (
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
          {run.allowed.includes("cancel") && (
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
