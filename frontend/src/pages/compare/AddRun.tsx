import { Button, Popover, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import type { Compared } from "../../api/compare";
import { Icon } from "../../parts/Icon";
import { MOST } from "./chosen";
import { FoundRuns } from "./FoundRuns";
import classes from "./Compare.module.css";

/** Finds a run by name and adds it; stays open for the next one. */
export function AddRun({ runs, onAdd, label = "Add a run" }: { runs: readonly Compared[]; onAdd: (id: string) => void; label?: string }) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  const [settled] = useDebouncedValue(text.trim(), 200);
  const full = runs.length >= MOST;
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-end" width={320} shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <Button variant="default" leftSection={<Icon name="plus" size={16} />} disabled={full} title={full ? `At most ${MOST} runs are compared` : undefined} onClick={() => setOpen(!open)}>
          {label}
        </Button>
      </Popover.Target>
      <Popover.Dropdown className={classes.finder}>
        <TextInput aria-label="Find a run" placeholder="Search by name or id" maxLength={200} value={text} onChange={(event) => setText(event.currentTarget.value)} data-autofocus />
        {open && <FoundRuns search={settled} taken={runs.map(({ id }) => id)} onPick={onAdd} />}
      </Popover.Dropdown>
    </Popover>
  );
}
