import { Media } from "../../../parts/Media";
import classes from "./Prompt.module.css";

interface Props {
  domain: string;
  prompt: string;
  answer: string;
  media: readonly string[];
}

/** A prompt as the policy got it, its pictures and clips, and the right answer. */
export function PromptCard({ domain, prompt, answer, media }: Props) {
  return (
    <div className={classes.card}>
      {media.length > 0 && (
        <div className={classes.media}>
          {media.map((url) => (
            <Media key={url} src={url} alt={`Shown with the prompt, ${domain}`} />
          ))}
        </div>
      )}
      <div className={classes.words}>
        <p className={classes.prompt}>{prompt}</p>
        <p className={classes.answer}>
          Right answer <code>{answer}</code>
        </p>
      </div>
    </div>
  );
}
