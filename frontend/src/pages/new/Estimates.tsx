import type { SpecCheck } from "../../api/types";
import { bytes, count } from "../../parts/numbers";
import { about } from "../../parts/time";
import classes from "./Estimates.module.css";

type Estimate = NonNullable<SpecCheck["estimate"]>;

/** 1145792 as "1.1 M". */
export function short(value: number): string {
  if (value < 10_000) return count(value);
  const units = ["k", "M", "B", "T"];
  let [scaled, unit] = [value / 1_000, 0];
  for (; scaled >= 999.5 && unit < units.length - 1; unit += 1) scaled /= 1_000;
  return `${scaled.toFixed(scaled < 10 ? 1 : 0)} ${units[unit]}`;
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** Where the numbers are from, in full sentences. */
export function basisOf({ parameters, trainable, parameters_from: from, memory, seconds, seconds_from: runs, workers }: Estimate): string[] {
  const sentences: string[] = [];
  if (parameters == null) sentences.push(`Parameters and memory are ${from}.`);
  else {
    sentences.push(`Parameters are counted from ${from}.`);
    if (trainable != null && trainable < parameters) sentences.push(`${count(trainable)} of them train for each expert.`);
  }
  if (memory) {
    const parts = [`weights ${bytes(memory.weights)}`, `gradients ${bytes(memory.gradients)}`, `optimizer ${bytes(memory.optimizer)}`, `teachers ${bytes(memory.teachers)}`];
    if (memory.activations != null) parts.push(`activations ${bytes(memory.activations)}`);
    sentences.push(`A worker holds at least: ${parts.join(", ")}.${memory.activations == null ? " Activations are not known for this architecture." : ""}`);
  }
  sentences.push("Tokens are the most there can be: every completion as long as it may get.");
  if (seconds == null) sentences.push(runs.length ? "Time is not known: no training of this model was measured." : "Time is not known until a run of this model has trained here.");
  else sentences.push(`Time is from the speed of ${listed(runs)}, for ${workers === 1 ? "one worker" : `${workers} workers at once`}.`);
  return sentences;
}

/** What the run will take, before it is one; after `totals`, which are exact. */
export function Estimates({ estimate, totals = [] }: { estimate: Estimate; totals?: readonly [string, string][] }) {
  const { parameters, memory, tokens, seconds } = estimate;
  const facts: [string, string][] = [
    ...totals,
    ["Parameters", parameters == null ? "–" : short(parameters)],
    ["Memory per worker", memory ? `≥ ${bytes(memory.total)}` : "–"],
    ["Training tokens", `≤ ${short(tokens)}`],
    ["Time", seconds == null ? "–" : `about ${about(seconds)}`],
  ];
  return (
    <div className={classes.estimates}>
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <details>
        <summary>Memory, tokens and time are estimates: what they are from</summary>
        {basisOf(estimate).map((sentence) => (
          <p key={sentence}>{sentence}</p>
        ))}
      </details>
    </div>
  );
}
