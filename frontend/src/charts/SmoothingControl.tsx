import { Slider } from "@mantine/core";
import { MOST_SMOOTHING } from "./smoothing";
import { useSmoothing } from "./useChartView";
import classes from "./SmoothingControl.module.css";

/** One for all curves of the page: how much of the noise to look through. The raw curve stays behind, faintly. */
export function SmoothingControl() {
  const [weight, setWeight] = useSmoothing();
  return (
    <div className={classes.control}>
      <span className={classes.label} id="smoothing">
        Smoothing
      </span>
      <Slider
        className={classes.track}
        size="sm"
        min={0}
        max={MOST_SMOOTHING}
        step={0.01}
        value={weight}
        onChange={setWeight}
        label={null}
        thumbProps={{ "aria-labelledby": "smoothing", "aria-valuetext": weight === 0 ? "off" : weight.toFixed(2) }}
      />
      <output className={classes.value}>{weight === 0 ? "off" : weight.toFixed(2)}</output>
    </div>
  );
}
