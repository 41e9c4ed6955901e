import type { RolloutSummary } from "../../../api/types";
import { PolicyName } from "../../../parts/PolicyName";
import { gapText, origin, rewardText, verdict } from "./reading";
import classes from "./List.module.css";

interface Props {
  rollouts: readonly RolloutSummary[];
  shown: number | null;
  colour: (policy: string) => string;
  onSelect: (id: number) => void;
}

export function RolloutList({ rollouts, shown, colour, onSelect }: Props) {
  return (
    <ol className={classes.list} aria-label="Rollouts">
      {rollouts.map((rollout) => (
        <li key={rollout.id}>
          <button type="button" className={classes.item} data-rollout={rollout.id} aria-current={rollout.id === shown || undefined} onClick={() => onSelect(rollout.id)}>
            <Head rollout={rollout} colour={colour(rollout.policy)} />
            <span className={classes.body}>
              {rollout.media[0] && <img className={classes.thumb} src={rollout.media[0]} alt="" loading="lazy" />}
              <span className={classes.texts}>
                <span className={classes.prompt}>{rollout.prompt}</span>
                <span className={classes.answer}>
                  <code className={classes.completion}>{rollout.completion || "(nothing)"}</code>
                  {rollout.size > 1 && <span className={classes.dim}>{rollout.reward_min < rollout.reward_max ? "the worst" : "one"} of {rollout.size} answers</span>}
                </span>
              </span>
            </span>
          </button>
        </li>
      ))}
    </ol>
  );
}

function Head({ rollout, colour }: { rollout: RolloutSummary; colour: string }) {
  return (
    <span className={classes.head}>
      <PolicyName name={rollout.policy} colour={colour} />
      <span className={classes.dim}>
        at step {rollout.step} · {origin(rollout)}
      </span>
      <span className={classes.numbers}>
        <span className={classes.reward} data-verdict={verdict(rollout.reward_mean)}>
          <span className={classes.meter} aria-hidden="true">
            <span style={{ width: `${100 * Math.max(0, Math.min(1, rollout.reward_mean))}%` }} />
          </span>
          {rollout.size === 1 ? "reward " : <span className="visually-hidden">Rewards: </span>}
          {rewardText(rollout)}
        </span>
        {rollout.gap !== null && <span className={classes.dim}>{gapText({ gap: rollout.gap, peer: rollout.peer })}</span>}
      </span>
    </span>
  );
}
