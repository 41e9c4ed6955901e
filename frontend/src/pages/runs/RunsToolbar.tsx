import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState, type RefObject } from "react";
import { tagsQuery, type RunsWanted } from "../../api/runs";
import type { RunMethod, RunSort, RunState } from "../../api/types";
import { Icon } from "../../parts/Icon";
import { StateBadge } from "../../parts/StateBadge";
import { TABLE } from "./columns";
import { FilterMenu } from "./FilterMenu";
import { COLUMNS, firstDirection, isFiltered, METHODS, SORTS, STATES, type ColumnId } from "./view";
import classes from "./RunsToolbar.module.css";

interface Props {
  view: RunsWanted;
  change: (part: Partial<RunsWanted>) => void;
  columns: readonly ColumnId[];
  choose: (columns: readonly ColumnId[]) => void;
  isCard: boolean;
  search: RefObject<HTMLInputElement | null>;
}

/** What is shown of the runs, and how. */
export function RunsToolbar({ view, change, columns, choose, isCard, search }: Props) {
  const tags = useQuery(tagsQuery).data ?? [];
  const known = [...new Set([...view.tags, ...tags.map(({ tag }) => tag)])];
  return (
    <div className={classes.bar} role="search" aria-label="Runs">
      <Search value={view.search} onChange={(text) => change({ search: text })} input={search} />
      <FilterMenu
        label="State"
        options={STATES.map((state) => ({ value: state, label: <StateBadge state={state} /> }))}
        chosen={view.states}
        onChange={(states) => change({ states: states as RunState[] })}
      />
      <FilterMenu
        label="Method"
        options={METHODS.map((method) => ({ value: method, label: method }))}
        chosen={view.methods}
        onChange={(methods) => change({ methods: methods as RunMethod[] })}
      />
      <FilterMenu
        label="Tags"
        none="No run has a tag yet. Select runs to give them some."
        options={known.map((tag) => ({ value: tag, label: `${tag} (${tags.find((each) => each.tag === tag)?.runs ?? 0})` }))}
        chosen={view.tags}
        onChange={(chosen) => change({ tags: chosen })}
      />
      {isFiltered(view) && (
        <Button variant="subtle" className={classes.clear} onClick={() => change({ search: "", states: [], methods: [], tags: [] })}>
          Clear filters
        </Button>
      )}
      <span className={classes.end}>
        {isCard ? (
          <SortChoice view={view} change={change} />
        ) : (
          <FilterMenu
            label="Columns"
            names={false}
            options={COLUMNS.map((id) => ({ value: id, label: TABLE[id].label }))}
            chosen={columns}
            onChange={(chosen) => choose(COLUMNS.filter((id) => chosen.includes(id)))}
          />
        )}
      </span>
    </div>
  );
}

function Search({ value, onChange, input }: { value: string; onChange: (text: string) => void; input: RefObject<HTMLInputElement | null> }) {
  const [typed, setTyped] = useState(value);
  const [settled] = useDebouncedValue(typed, 250);
  const sent = useRef(value);
  useEffect(() => {
    if (settled.trim() === sent.current) return;
    sent.current = settled.trim();
    onChange(sent.current);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only what is typed is sent
  }, [settled]);
  useEffect(() => {
    if (value === sent.current) return;
    sent.current = value; // somebody else changed it: "Clear filters", or Back
    setTyped(value);
  }, [value]);
  return (
    <TextInput
      ref={input}
      className={classes.search}
      aria-label="Search runs"
      placeholder="Search by name or id"
      maxLength={200}
      leftSection={<Icon name="search" size={16} />}
      value={typed}
      onChange={(event) => setTyped(event.currentTarget.value)}
    />
  );
}

/** On a phone there are no column heads to press. */
function SortChoice({ view, change }: Pick<Props, "view" | "change">) {
  return (
    <>
      <NativeSelect
        aria-label="Sort by"
        value={view.sort}
        data={SORTS.map(({ sort, label }) => ({ value: sort, label }))}
        onChange={(event) => {
          const sort = event.currentTarget.value as RunSort;
          change({ sort, descending: firstDirection(sort) });
        }}
      />
      <Button variant="default" aria-label={view.descending ? "Descending; turn round" : "Ascending; turn round"} onClick={() => change({ descending: !view.descending })}>
        {view.descending ? "↓" : "↑"}
      </Button>
    </>
  );
}
