import { Button, NumberInput, SegmentedControl, Select } from "@mantine/core";
import type { RolloutFilter } from "../../../api/rollouts";
import type { Run } from "../../../api/types";
import { count } from "../../../parts/numbers";
import { PARTS } from "./reading";
import { REWARDS, SORTS, type useFilter } from "./useFilter";
import classes from "./Rollouts.module.css";

interface Props extends Pick<ReturnType<typeof useFilter>, "reward" | "isFiltered" | "set" | "clear"> {
  run: Run;
  filter: RolloutFilter;
  total: number | undefined;
  /** How many share the first place. */
  tied: string;
}

const PART_OPTIONS = Object.entries(PARTS).map(([value, label]) => ({ value, label: label.charAt(0).toUpperCase() + label.slice(1) }));
const REWARD_OPTIONS = Object.entries(REWARDS).map(([value, { label }]) => ({ value, label }));

export function FilterBar({ run, filter, reward, isFiltered, total, tied, set, clear }: Props) {
  const students = run.policies.filter(({ role }) => role === "expert").map(({ name }) => name);
  const pick = (name: "policy" | "domain" | "part" | "reward") => (value: string | null) => set(name, value ?? "");
  const bound = (name: "from" | "to") => (value: number | string) => set(name, value === "" ? "" : String(value));
  return (
    <section className={classes.filter} aria-label="Which rollouts">
      <SegmentedControl aria-label="Order" size="xs" data={SORTS.map(({ value, label }) => ({ value, label }))} value={filter.sort} onChange={(sort) => set("sort", sort === "newest" ? "" : sort)} />
      <div className={classes.fields}>
        <Select aria-label="Policy" placeholder="Any policy" data={students} value={filter.policy || null} onChange={pick("policy")} clearable />
        <Select aria-label="Domain" placeholder="Any domain" data={run.domains} value={filter.domain || null} onChange={pick("domain")} clearable />
        <Select aria-label="Kind" placeholder="Any kind" data={PART_OPTIONS} value={filter.part || null} onChange={pick("part")} clearable />
        <Select aria-label="Reward" placeholder="Any reward" data={REWARD_OPTIONS} value={reward in REWARDS ? reward : null} onChange={pick("reward")} clearable />
        <NumberInput aria-label="From step" placeholder="From step" value={filter.from ?? ""} onChange={bound("from")} min={0} max={999_999_999} allowDecimal={false} hideControls />
        <NumberInput aria-label="To step" placeholder="To step" value={filter.to ?? ""} onChange={bound("to")} min={0} max={999_999_999} allowDecimal={false} hideControls />
      </div>
      <span className={classes.total}>
        {total !== undefined && `${count(total)} ${filter.sort === "gap" ? "with a gap" : "kept"}`}
        {isFiltered && (
          <Button variant="subtle" size="compact-sm" onClick={clear}>
            Clear
          </Button>
        )}
      </span>
      <p className={classes.note}>
        Some prompts of each step are kept with all their answers. {SORTS.find(({ value }) => value === filter.sort)?.order}
        {tied} A step of the OPD phase has both: RLVR on the policy’s own prompts, and OPD on its teachers’.
      </p>
    </section>
  );
}
