import { Button, Checkbox, Popover, Stack } from "@mantine/core";
import type { ReactNode } from "react";
import { Icon } from "../../parts/Icon";
import classes from "./RunsToolbar.module.css";

interface Props {
  label: string;
  options: readonly { value: string; label: ReactNode }[];
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
  /** Says what is chosen beside the label; false: only how many. */
  names?: boolean;
  none?: string;
}

/** A button that says what is chosen, and opens a list of boxes. */
export function FilterMenu({ label, options, chosen, onChange, names = true, none = "There is nothing to choose from." }: Props) {
  const told = chosen.length === 0 || !names ? "" : `: ${chosen[0]}${chosen.length > 1 ? ` +${chosen.length - 1}` : ""}`;
  return (
    <Popover position="bottom-start" shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <Button variant="default" className={classes.filter} data-chosen={(names && chosen.length > 0) || undefined} rightSection={<span className={classes.down}><Icon name="chevron" size={12} /></span>}>
          {label}
          {told}
        </Button>
      </Popover.Target>
      <Popover.Dropdown className={classes.options}>
        {options.length === 0 && <p>{none}</p>}
        <Checkbox.Group value={[...chosen]} onChange={onChange} aria-label={label}>
          <Stack gap={0}>
            {options.map((option) => (
              <Checkbox key={option.value} value={option.value} label={option.label} classNames={{ body: classes.option }} />
            ))}
          </Stack>
        </Checkbox.Group>
      </Popover.Dropdown>
    </Popover>
  );
}
