import { memo } from "react";
import type { RolloutCompletion } from "../../../api/types";
import { Icon } from "../../../parts/Icon";
import { PolicyName } from "../../../parts/PolicyName";
import { reward, signed, verdict } from "./reading";
import { TokenText } from "./TokenText";
import classes from "./Detail.module.css";

const ICONS = { right: "check", partly: "arrow", wrong: "x" } as const;

interface Props {
  completion: RolloutCompletion;
  title: string;
  /** Of the policy, where the title is one's name. */
  colour: string | null;
  /** Whether it is by the teacher whose gaps are shown. */
  isTeacher: boolean;
  by: string;
  limit: number;
}

/** What was said, what it got and why, and every token in the colour of what is asked. */
export const Completion = memo(function Completion({ completion, title, colour, isTeacher, by, limit }: Props) {
  const { tokens, length, finished, advantage } = completion;
  const said = verdict(completion.reward);
  return (
    <section className={classes.completion} aria-label={title}>
      <header className={classes.completionHead}>
        <h3>{colour === null ? title : <PolicyName name={title} colour={colour} />}</h3>
        <span className={classes.verdict} data-verdict={said}>
          <Icon name={ICONS[said]} size={14} /> reward {reward(completion.reward)}
        </span>
      </header>
      <TokenText tokens={tokens} by={by} limit={limit} title={title} />
      {tokens.length < length && <p className={classes.rest}>{completion.text.slice(tokens.reduce((sum, token) => sum + token.text.length, 0))}</p>}
      <p className={classes.reason}>{completion.reason}</p>
      <ul className={classes.facts}>
        <li>
          {length} {length === 1 ? "token" : "tokens"}
          {!finished && ", cut off at the limit"}
        </li>
        {advantage !== null && advantage !== undefined && <li>advantage {signed(advantage)}</li>}
        {isTeacher && <li>the teacher itself, which has no gap</li>}
      </ul>
    </section>
  );
});
