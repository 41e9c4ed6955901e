import { useQuery } from "@tanstack/react-query";
import { probesQuery } from "../../../api/queries";
import type { ProbeView, Run, SampleView } from "../../../api/types";
import { Icon } from "../../../parts/Icon";
import { Media } from "../../../parts/Media";
import { PolicyName } from "../../../parts/PolicyName";
import classes from "./Result.module.css";

const SHOWN = 3;

/** Held-out prompts with the answers of base and merged side by side: what the numbers are made of. */
export function Probes({ run, colour }: { run: Run; colour: (policy: string) => string }) {
  const probes = useQuery(probesQuery(run.id)).data?.probes ?? [];
  if (!probes.length) return null;
  return (
    <section className={classes.probes} aria-label="Held-out prompts">
      <h3>Held-out prompts, answered by base and merged</h3>
      <div className={classes.probeGrid}>
        {run.domains.map((domain) => (
          <div key={domain} className={classes.probeColumn}>
            {probes
              .filter((probe) => probe.domain === domain)
              .slice(0, SHOWN)
              .map((probe) => (
                <Probe key={probe.index} probe={probe} colour={colour} />
              ))}
          </div>
        ))}
      </div>
    </section>
  );
}

function Probe({ probe, colour }: { probe: ProbeView; colour: (policy: string) => string }) {
  return (
    <article className={classes.probe}>
      <span className={classes.domain}>{probe.domain}</span>
      {probe.media.length > 0 && (
        <div className={classes.media}>
          {probe.media.map((url) => (
            <Media key={url} src={url} alt={`Shown with the prompt, ${probe.domain}`} />
          ))}
        </div>
      )}
      <p className={classes.prompt}>{probe.prompt}</p>
      <span className={classes.domain}>right: {probe.answer}</span>
      <div className={classes.answers}>
        {probe.samples.map((sample) => (
          <Answer key={sample.policy} sample={sample} colour={colour(sample.policy)} />
        ))}
      </div>
    </article>
  );
}

function Answer({ sample, colour }: { sample: SampleView; colour: string }) {
  const right = sample.reward >= 1;
  return (
    <div className={classes.answer}>
      <PolicyName name={sample.policy} colour={colour} />
      <code>{sample.completion || "(nothing)"}</code>
      <span className={classes.verdict} data-right={right || undefined} title={sample.reason}>
        <Icon name={right ? "check" : "x"} size={14} /> {right ? "right" : "wrong"}
      </span>
    </div>
  );
}
