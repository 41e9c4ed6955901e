import { SegmentedControl } from "@mantine/core";
import type { XAxis } from "../api/queries";
import { useParam } from "../app/router";
import { SmoothingControl } from "./SmoothingControl";
import classes from "./Looks.module.css";

const AXES: { value: XAxis; label: string }[] = [
  { value: "step", label: "Steps" },
  { value: "time", label: "Time" },
  { value: "tokens", label: "Tokens" },
];

/** What the page's curves are drawn over. */
export function useAxis(): XAxis {
  const [axis] = useParam("x", "step");
  return AXES.find(({ value }) => value === axis)?.value ?? "step";
}

/** How all curves of the page are drawn: how smooth, and over what. */
export function Looks({ label = "Horizontal axis" }: { label?: string }) {
  const [, setAxis] = useParam("x", "step");
  return (
    <div className={classes.looks}>
      <SmoothingControl />
      <SegmentedControl aria-label={label} size="xs" data={AXES} value={useAxis()} onChange={setAxis} />
    </div>
  );
}
