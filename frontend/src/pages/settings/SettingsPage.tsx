import { SegmentedControl, Switch, useMantineColorScheme, type MantineColorScheme } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { changeSettings, useSettings } from "../../app/settings";
import { PageHead } from "../../parts/PageHead";
import { useTitle } from "../../parts/useTitle";
import { askToNotify, notifyProblem } from "../run/notify";
import classes from "./SettingsPage.module.css";

const SCHEMES: { value: MantineColorScheme; label: string }[] = [
  { value: "auto", label: "As the system" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
];

function Row({ title, help, children }: { title: string; help: ReactNode; children: ReactNode }) {
  return (
    <section className={classes.row} aria-label={title}>
      <div>
        <h2>{title}</h2>
        <p>{help}</p>
      </div>
      <div className={classes.control}>{children}</div>
    </section>
  );
}

function Notifications() {
  const { notify } = useSettings();
  const [problem, setProblem] = useState(notifyProblem);
  const turn = async (on: boolean): Promise<void> => {
    if (on) setProblem(await askToNotify());
    changeSettings({ notify: on && notifyProblem() === null });
  };
  return (
    <Row
      title="Notifications"
      help={problem ?? "The browser tells when a run that is open in a tab is completed, failed or paused, while you look elsewhere."}
    >
      <Switch aria-label="Notify when a run ends" size="md" checked={notify && problem === null} onChange={(event) => void turn(event.currentTarget.checked)} />
    </Row>
  );
}

/** What this browser prefers; nobody else sees it. */
export function SettingsPage() {
  useTitle("Settings");
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { shortcuts } = useSettings();
  return (
    <>
      <PageHead title="Settings" />
      <div className={classes.card}>
        <Row title="Appearance" help="Light, dark, or as the system says.">
          <SegmentedControl aria-label="Appearance" data={SCHEMES} value={colorScheme} onChange={(value) => setColorScheme(value as MantineColorScheme)} />
        </Row>
        <Row
          title="Keyboard shortcuts"
          help={
            <>
              Single keys do things: <kbd>?</kbd> shows which. Turn them off if your software sends keys of its own, for dictation say.
            </>
          }
        >
          <Switch aria-label="Use keyboard shortcuts" size="md" checked={shortcuts} onChange={(event) => changeSettings({ shortcuts: event.currentTarget.checked })} />
        </Row>
        <Notifications />
      </div>
      <p className={classes.note}>These settings belong to this browser. Users, tokens and your password are under your name, at the top.</p>
    </>
  );
}
