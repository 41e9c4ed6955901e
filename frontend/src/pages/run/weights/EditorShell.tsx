import { Button, Popover } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import type { KeyboardEvent, ReactElement, ReactNode } from "react";
import { editRequest, type Changes } from "../../../api/steering";
import { CopyCurl } from "../../../parts/CopyCurl";
import { PreviewText, usePreview } from "./Preview";
import type { Steering } from "./useSteering";
import classes from "./Weights.module.css";

interface Props {
  label: string;
  steering: Steering;
  opened: boolean;
  onClose: () => void;
  /** What opens it. */
  target: ReactElement;
  /** What is wanted now; null while it cannot be read. */
  wanted: Changes | null;
  children: ReactNode;
}

/** The sheet in which a value is changed: its fields, what the change would do, and the ways to make it. Enter applies, Esc reverts. Where
 * there is room it stands beside the values, so that one sees the others. */
export function EditorShell({ opened, onClose, target, ...rest }: Props) {
  const isWide = useMediaQuery("(min-width: 900px)", undefined, { getInitialValueInEffect: false });
  return (
    <Popover opened={opened} onChange={(open) => !open && onClose()} position={isWide ? "right-start" : "bottom-start"} width={372} shadow="md" withArrow trapFocus returnFocus>
      <Popover.Target>{target}</Popover.Target>
      <Popover.Dropdown className={classes.sheet} aria-label={rest.label}>
        {opened && <Sheet {...rest} onClose={onClose} />}
      </Popover.Dropdown>
    </Popover>
  );
}

function Sheet({ steering, onClose, wanted, children }: Omit<Props, "opened" | "target" | "label">) {
  const changes = wanted ?? {};
  const isChange = Object.keys(changes).length > 0;
  const previewed = usePreview(steering.run, changes);
  const finish = (act: (changes: Changes) => void): void => {
    if (wanted === null) return;
    if (isChange) act(changes);
    onClose();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" || (event.target as Element).closest("button, summary")) return;
    event.preventDefault();
    finish(event.shiftKey ? steering.stage : steering.apply);
  };
  return (
    <div className={classes.form} onKeyDown={onKeyDown}>
      {children}
      <p className={classes.preview} role="status" data-testid="preview">
        {isChange ? <PreviewText previewed={previewed} /> : wanted === null ? "" : "Nothing is changed yet."}
      </p>
      <div className={classes.buttons}>
        <Button size="xs" disabled={!isChange || previewed.refusal !== null} onClick={() => finish(steering.apply)}>
          Apply
        </Button>
        <Button size="xs" variant="default" disabled={!isChange} onClick={() => finish(steering.stage)}>
          Apply later
        </Button>
        <Button size="xs" variant="subtle" color="gray" onClick={onClose}>
          Cancel
        </Button>
        <CopyCurl {...editRequest(steering.run, changes)} what="this change" />
      </div>
      <p className={classes.keys}>Enter applies. Apply later, Shift + Enter, keeps it to be applied with others. Esc reverts.</p>
    </div>
  );
}
