import { ActionIcon, Menu, useMantineTheme } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { lazy, Suspense, useState, type ReactNode } from "react";
import { commandsOf, type Command } from "../../api/actions";
import type { Run } from "../../api/types";
import { navigate } from "../../app/router";
import { changeSettings, useSettings } from "../../app/settings";
import { useMaySteer } from "../../app/useMaySteer";
import { announce } from "../../parts/Announcer";
import { curlCommand, type Request } from "../../parts/curl";
import { Icon, type IconName } from "../../parts/Icon";
import { askToNotify, notifyProblem } from "./notify";
import { isOver } from "./runText";

const DeleteRun = lazy(() => import("./DeleteRun").then((m) => ({ default: m.DeleteRun })));

/** What else can be done with a run: copies of it, its notice, its commands as text, and its end. */
export function RunMenu({ run }: { run: Run }) {
  const [deleting, setDeleting] = useState(false);
  const { copy } = useClipboard();
  const { notify } = useSettings();
  const maySteer = useMaySteer();
  const path = `/api/v1/runs/${run.id}`;
  const copyCurl = (request: Request, what: string): void => {
    copy(curlCommand(window.location.origin, request));
    announce(`Copied: the command to ${what}.`);
  };
  const { name, notes, tags } = run;
  const ended = isOver(run.state);
  return (
    <>
      <Menu position="bottom-end" width={270} shadow="md">
        <Menu.Target>
          <ActionIcon variant="default" size={36} aria-label="More">
            <Icon name="more" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {maySteer && (
            <>
              <Item icon="repeat" onClick={() => navigate(`/new?from=${run.id}`)}>
                Clone: run again with changes
              </Item>
              <Item icon="fork" onClick={() => navigate(`/new?fork=${run.id}`)} disabled={run.progress.round < 1}>
                Fork: go on from a round’s end
              </Item>
            </>
          )}
          <Item icon="compare" onClick={() => navigate(`/compare?runs=${run.id}`)}>
            Compare with other runs
          </Item>
          {!ended && notifyProblem() === null && (
            <Item icon={notify ? "check" : "bell"} onClick={() => void toggleNotice(notify)}>
              {notify ? "Notifies at the end" : "Notify me at the end"}
            </Item>
          )}
          {maySteer && (
            <>
              <Menu.Divider />
              {commandsOf(run).map(({ what, place, ...rest }) => (
                <Item key={what} icon="terminal" onClick={() => copyCurl({ method: "POST", path: `${path}/${place}`, ...rest }, WORDS[what])}>
                  Copy {WORDS[what]} as curl
                </Item>
              ))}
              <Item icon="terminal" onClick={() => copyCurl({ method: "PATCH", path, body: { name, notes, tags } }, "set name, notes and tags")}>
                Copy name, notes and tags as curl
              </Item>
            </>
          )}
          {ended && maySteer && (
            <>
              <Menu.Divider />
              <Item icon="trash" danger onClick={() => setDeleting(true)}>
                Delete this run …
              </Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      <Suspense>{deleting && <DeleteRun run={run} onClose={() => setDeleting(false)} />}</Suspense>
    </>
  );
}

const WORDS: Record<Command, string> = {
  pause: "pause",
  resume: "resume",
  retry: "retry",
  reseed: "retry with the next seed",
  cancel: "cancel",
  force: "stop now",
};

async function toggleNotice(on: boolean): Promise<void> {
  const problem = on ? null : await askToNotify();
  const granted = problem === null && Notification.permission === "granted";
  changeSettings({ notify: !on && granted });
  announce(problem ?? (on ? "No notification." : granted ? "The browser will tell when it ends." : "The browser was not allowed to."));
}

function Item({ icon, danger = false, children, ...rest }: { icon: IconName; danger?: boolean; disabled?: boolean; onClick: () => void; children: ReactNode }) {
  const { colors } = useMantineTheme();
  return (
    <Menu.Item leftSection={<Icon name={icon} size={16} />} {...(danger && colors["red"] ? { color: "red" } : {})} {...rest}>
      {children}
    </Menu.Item>
  );
}
