import { ActionIcon, Slider } from "@mantine/core";
import { useEffect, useState, type ReactNode } from "react";
import { Icon } from "../parts/Icon";
import classes from "./AgreementChart.module.css";

/** A slow walk for those who asked for less motion: it still moves, for they pressed play, but one can read each picture. */
const EVERY_MS = 450;
const CALM_MS = 1_200;

interface Props {
  steps: readonly number[];
  index: number;
  /** Whether it follows the newest step; where it does not, a button leads there. */
  isNewest: boolean;
  onPick: (index: number) => void;
  /** Beside the step. */
  children?: ReactNode;
}

/** Walks over measured steps: by hand, by keyboard, or by itself up to the end. */
export function StepSlider({ steps, index, isNewest, onPick, children }: Props) {
  const last = steps.length - 1;
  const [isPlaying, setPlaying] = useState(false);
  useEffect(() => {
    if (!isPlaying) return;
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const timer = setTimeout(() => {
      onPick(index + 1);
      if (index + 1 >= last) setPlaying(false);
    }, isCalm ? CALM_MS : EVERY_MS);
    return () => clearTimeout(timer);
  }, [index, isPlaying, last, onPick]);
  const play = (): void => {
    if (!isPlaying && index >= last) onPick(0);
    setPlaying(!isPlaying);
  };
  const pick = (next: number): void => {
    setPlaying(false);
    onPick(next);
  };
  const step = steps[index];
  const button = { variant: "subtle", color: "gray", size: 32 } as const;
  return (
    <div className={classes.tools}>
      <div className={classes.slider}>
        <ActionIcon {...button} aria-label={isPlaying ? "Stop" : "Play the steps"} disabled={last < 1} onClick={play}>
          <Icon name={isPlaying ? "pause" : "play"} size={15} />
        </ActionIcon>
        <ActionIcon {...button} aria-label="Step before" disabled={index <= 0} onClick={() => pick(index - 1)}>
          <span className={classes.back}>
            <Icon name="chevron" size={16} />
          </span>
        </ActionIcon>
        <Slider
          className={classes.track ?? ""}
          size="sm"
          min={0}
          max={Math.max(last, 1)}
          value={index}
          onChange={pick}
          label={null}
          disabled={last < 1}
          thumbLabel="Step"
          thumbProps={{ "aria-valuetext": `step ${step}` }}
        />
        <ActionIcon {...button} aria-label="Step after" disabled={index >= last} onClick={() => pick(index + 1)}>
          <Icon name="chevron" size={16} />
        </ActionIcon>
      </div>
      <div className={classes.words}>
        <output className={classes.step}>
          Step {step}
          {isNewest && <em> newest</em>}
        </output>
        {children}
        {!isNewest && (
          <button type="button" className={classes.link} onClick={() => pick(last)}>
            Back to newest
          </button>
        )}
      </div>
    </div>
  );
}
