import { CloseButton, SegmentedControl, Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useEffect, useState } from "react";
import type { LogFilter } from "../../../api/log";
import type { Run } from "../../../api/types";
import { Icon } from "../../../parts/Icon";
import classes from "./Events.module.css";

const WHO = [
  { value: "", label: "Everybody" },
  { value: "people", label: "People" },
  { value: "scheduler", label: "Scheduler" },
  { value: "workers", label: "Workers" },
];
const LEVELS = [
  { value: "info", label: "Everything" },
  { value: "warning", label: "Warnings and errors" },
  { value: "error", label: "Errors" },
];
const SETTLE_MS = 300;

export type SetFilter = (name: keyof LogFilter, value: string) => void;

/** Who, how bad, about what: all of it stands in the address. */
export function Filters({ run, filter, set }: { run: Run; filter: LogFilter; set: SetFilter }) {
  return (
    <div className={classes.filters}>
      <SegmentedControl aria-label="Who" size="xs" data={WHO} value={filter.who} onChange={(value) => set("who", value)} />
      <SegmentedControl aria-label="Level" size="xs" data={LEVELS} value={filter.level} onChange={(value) => set("level", value)} />
      <Select
        aria-label="Policy"
        placeholder="Any policy"
        size="xs"
        w={140}
        clearable
        data={run.policies.map(({ name }) => name)}
        value={filter.policy || null}
        onChange={(value) => set("policy", value ?? "")}
      />
      <SearchText text={filter.q} onText={(value) => set("q", value)} />
      {filter.attempt && (
        <span className={classes.chip}>
          one attempt
          <CloseButton size={22} iconSize={14} aria-label="Show all attempts" onClick={() => set("attempt", "")} />
        </span>
      )}
    </div>
  );
}

function SearchText({ text, onText }: { text: string; onText: (text: string) => void }) {
  const [typed, setTyped] = useState(text);
  const [settled] = useDebouncedValue(typed.trim(), SETTLE_MS);
  const [sent, setSent] = useState(text);
  useEffect(() => {
    if (settled === sent) return;
    setSent(settled);
    onText(settled);
  }, [settled, sent, onText]);
  useEffect(() => {
    // changed from outside: Back, or a link
    setTyped((now) => (now.trim() === text ? now : text));
    setSent(text);
  }, [text]);
  return (
    <TextInput
      aria-label="Text in events"
      placeholder="Text in the message"
      size="xs"
      w={200}
      maxLength={200}
      leftSection={<Icon name="search" size={14} />}
      value={typed}
      onChange={(event) => setTyped(event.currentTarget.value)}
    />
  );
}
