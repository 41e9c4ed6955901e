import { Button, Checkbox, NumberInput, Skeleton, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import type { ApiError } from "../../api/client";
import { addWebhook, webhooksQuery, type WebhookEvent } from "../../api/people";
import type { NewWebhook, Session } from "../../api/types";
import { announce } from "../../parts/Announcer";
import { CopyCurl } from "../../parts/CopyCurl";
import { ProblemAlert } from "../../parts/Problem";
import table from "../../parts/Table.module.css";
import { fieldError, restOf } from "./fieldErrors";
import { SecretOnce } from "./SecretOnce";
import { EVENTS } from "./webhookText";
import { WebhookRow } from "./WebhookRow";
import classes from "./People.module.css";

/** Telling other systems what happens to runs. */
export function Webhooks({}: { session: Session }) {
  const { data, error, refetch } = useQuery(webhooksQuery);
  return (
    <div className={classes.part}>
      <h2>Webhooks</h2>
      <p className={classes.lead}>
        The server posts a signed message (Standard Webhooks) to a URL of yours when something happens to any run, and tries again for a day when nobody takes it.
      </p>
      <AddWebhook />
      {error && !data && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={160} role="group" aria-label="Loading the webhooks" />}
      {data?.webhooks.length === 0 && <p className={table.none}>Nobody is told of anything yet.</p>}
      {data && data.webhooks.length > 0 && (
        <ul className={classes.list} aria-label="Webhooks">
          {data.webhooks.map((webhook) => (
            <WebhookRow key={webhook.id} webhook={webhook} />
          ))}
        </ul>
      )}
    </div>
  );
}

function AddWebhook() {
  const client = useQueryClient();
  const [url, setUrl] = useState("");
  const [events, setEvents] = useState<WebhookEvent[]>(["run.completed", "run.failed"]);
  const [floor, setFloor] = useState<number | string>(0.9);
  const add = useMutation<NewWebhook, ApiError>({
    mutationFn: () => addWebhook(url.trim(), events, Number(floor)),
    onSuccess: () => {
      announce("The webhook is added. Its secret is shown this once.");
      setUrl("");
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["people"] }),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    add.mutate();
  };
  const rest = restOf(add.error, ["url", "events", "overlap_floor"]);
  return (
    <>
      <form className={classes.form} onSubmit={submit} aria-label="Add a webhook">
        <TextInput
          className={classes.url ?? ""}
          label="URL"
          type="url"
          placeholder="https://example.org/hooks/copd"
          required
          withAsterisk={false}
          maxLength={2000}
          value={url}
          error={fieldError(add.error, "url")}
          onChange={(event) => setUrl(event.currentTarget.value)}
        />
        <Checkbox.Group className={classes.events ?? ""} label="Tell it when" value={events} error={fieldError(add.error, "events")} onChange={(value) => setEvents(value as WebhookEvent[])}>
          <div className={classes.choices}>
            {Object.entries(EVENTS).map(([value, words]) => (
              <Checkbox key={value} value={value} label={words} />
            ))}
          </div>
        </Checkbox.Group>
        {events.includes("run.overlap_low") && (
          <NumberInput label="Overlap below" w={130} min={0} max={1} step={0.05} value={floor} error={fieldError(add.error, "overlap_floor")} onChange={setFloor} />
        )}
        <div className={classes.formEnd}>
          <Button type="submit" loading={add.isPending}>
            Add webhook
          </Button>
          <CopyCurl method="POST" path="/api/v1/webhooks" body={{ url: url || "https://example.org/hooks/copd", events, overlap_floor: Number(floor) }} what="add a webhook" />
        </div>
      </form>
      {rest && <ProblemAlert error={rest} />}
      {add.data && <SecretOnce what="The webhook’s secret" value={add.data.secret} use="Whoever takes the messages checks their signature with it." onDone={() => add.reset()} />}
    </>
  );
}
