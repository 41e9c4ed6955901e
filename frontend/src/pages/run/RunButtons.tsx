import { Alert, Button, Group, Popover, Text } from "@mantine/core";
import { useState } from "react";
import { command, useRunAction, type Command } from "../../api/actions";
import type { Run, RunState, Trigger } from "../../api/types";
import { useMaySteer } from "../../app/useMaySteer";
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
const STOPPING: readonly RunState[] = ["pausing", "failing", "cancelling"];

/** The commands this state allows, as the server says; the one that loses work asks once. */
export function RunButtons({ run }: { run: Run }) {
  const act = useRunAction(run.id, (what: Command) => command(run.id, what));
  const notice = noticeOf(act.data);
  const maySteer = useMaySteer();
  const doing = (what: Command): boolean => act.isPending && act.variables === what;
  if (!maySteer) return null;
  return (
    <>
      <div className={classes.buttons}>
        {PLAIN.filter(({ needs }) => run.allowed.includes(needs)).map(({ what, label, icon }) => (
          <Button key={what} variant="default" leftSection={<Icon name={icon} size={16} />} loading={doing(what)} onClick={() => act.mutate(what)}>
            {what === "retry" ? retryLabel(run.error) : label}
          </Button>
        ))}
        {STOPPING.includes(run.state) && (
          <Asked label="Force" help={`Ends the attempts now. ${lostBy(run.state)}`} question={`End the attempts now, without waiting for them? ${lostBy(run.state)}`} loading={doing("force")} onYes={() => act.mutate("force")} />
        )}
        {run.allowed.includes("cancel") && (
          <Asked label="Cancel" question="End this run for good? Its checkpoints and numbers stay." loading={doing("cancel")} onYes={() => act.mutate("cancel")} />
        )}
      </div>
      {act.error && <ProblemAlert error={act.error} />}
      {notice && <Alert color="yellow">The run goes on, but {notice}.</Alert>}
    </>
  );
}

/** What it costs not to wait for attempts to store their state. */
function lostBy(state: RunState): string {
  const lost = "Steps since their last stored state are lost";
  return state === "cancelling" ? `${lost}.` : `${lost}; they are trained again, with the same outcome, once the run goes on.`;
}

interface AskedProps {
  label: string;
  help?: string;
  question: string;
  loading: boolean;
  onYes: () => void;
}

function Asked({ label, help, question, loading, onYes }: AskedProps) {
  const [open, setOpen] = useState(false);
  const yes = (): void => {
    setOpen(false);
    onYes();
  };
  return (
    <Popover opened={open} onChange={setOpen} width={280} position="bottom-end" shadow="md" withArrow trapFocus returnFocus>
      <Popover.Target>
        <Button variant="default" title={help} leftSection={<Icon name="stop" size={14} />} loading={loading} onClick={() => setOpen(!open)}>
          {label}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Text size="sm">{question}</Text>
        <Group mt="sm" gap="xs">
          <Button size="xs" color="red" onClick={yes} data-autofocus>
            {label} run
          </Button>
          <Button size="xs" variant="default" onClick={() => setOpen(false)}>
            Keep
          </Button>
        </Group>
      </Popover.Dropdown>
    </Popover>
  );
}
