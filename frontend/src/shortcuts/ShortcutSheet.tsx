import { Switch } from "@mantine/core";
import { changeSettings, useSettings } from "../app/settings";
import { Dialog } from "../parts/Dialog";
import { useShortcutGroups } from "./registry";
import classes from "./ShortcutSheet.module.css";

/** Every shortcut of the page as it is now, and the switch that turns them off. */
export function ShortcutSheet({ onClose }: { onClose: () => void }) {
  const groups = useShortcutGroups();
  const { shortcuts } = useSettings();
  return (
    <Dialog title="Keyboard shortcuts" size="lg" onClose={onClose}>
      <Switch label="Use keyboard shortcuts" checked={shortcuts} onChange={(event) => changeSettings({ shortcuts: event.currentTarget.checked })} size="md" />
      <div className={classes.groups} data-off={!shortcuts || undefined}>
        {groups.map((group) => (
          <section key={group.title}>
            <h3>{group.title}</h3>
            <dl>
              {group.shortcuts.map(({ keys, what }) => (
                <div key={keys}>
                  <dt>
                    {keys.split(" ").map((key, i) => (
                      <kbd key={i}>{KEY_NAMES[key] ?? key}</kbd>
                    ))}
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}

const KEY_NAMES: Record<string, string> = { ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" };
