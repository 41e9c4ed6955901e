import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { ApiError } from "../../api/client";
import { deliveriesQuery, removeWebhook, sendAgain, testWebhook } from "../../api/people";
import type { DeliveryView, WebhookView } from "../../api/types";
import { Link } from "../../app/router";
import { announce } from "../../parts/Announcer";
import { AskOnce } from "../../parts/AskOnce";
import { CopyCurl } from "../../parts/CopyCurl";
import { ProblemAlert } from "../../parts/Problem";
import table from "../../parts/Table.module.css";
import { absolute, moment } from "../../parts/time";
import { deliveryText, EVENTS } from "./webhookText";
import classes from "./People.module.css";

export function WebhookRow({ webhook }: { webhook: WebhookView }) {
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  const path = `/api/v1/webhooks/${webhook.id}`;
  const settled = { onSettled: () => client.invalidateQueries({ queryKey: ["people"] }) };
  const remove = useMutation<unknown, ApiError>({ mutationFn: () => removeWebhook(webhook.id), onSuccess: () => announce("The webhook is removed."), ...settled });
  const test = useMutation<DeliveryView, ApiError>({
    mutationFn: () => testWebhook(webhook.id),
    onSuccess: () => {
      announce("A test message is on its way; see its delivery.");
      setOpen(true);
    },
    ...settled,
  });
  const error = remove.error ?? test.error;
  const told = webhook.events.map((event) => (event === "run.overlap_low" ? `${EVENTS[event]} (overlap below ${webhook.overlap_floor})` : EVENTS[event]));
  return (
    <li className={classes.user} aria-label={webhook.url}>
      <div className={classes.who}>
        <h3 className={classes.address}>{webhook.url}</h3>
        <span className={classes.dim}>
          when {told.join(", ")}; added by {webhook.created_by}, <time title={absolute(webhook.created_at)}>{moment(webhook.created_at)}</time>
        </span>
      </div>
      <div className={classes.actions}>
        <Button variant="default" size="xs" loading={test.isPending} aria-label={`Send a test to ${webhook.url}`} onClick={() => test.mutate()}>
          Send a test
        </Button>
        <CopyCurl method="POST" path={`${path}/test`} what={`send a test to ${webhook.url}`} />
        <Button variant="default" size="xs" aria-expanded={open} aria-label={`Deliveries to ${webhook.url}`} onClick={() => setOpen(!open)}>
          Deliveries
        </Button>
        <AskOnce
          label="Remove"
          name={`Remove the webhook ${webhook.url}`}
          question="Remove this webhook? What it has not delivered is dropped, and its deliveries are forgotten."
          yes="Remove"
          curl={{ method: "DELETE", path, what: `remove the webhook ${webhook.url}` }}
          loading={remove.isPending}
          onYes={() => remove.mutate()}
        />
      </div>
      {error && <ProblemAlert error={error} />}
      {open && <Deliveries webhook={webhook} />}
    </li>
  );
}

function Deliveries({ webhook }: { webhook: WebhookView }) {
  const client = useQueryClient();
  const { data, error } = useQuery(deliveriesQuery(webhook.id));
  const again = useMutation<DeliveryView, ApiError, string>({
    mutationFn: (message) => sendAgain(webhook.id, message),
    onSuccess: () => announce("The message is sent again."),
    onSettled: () => client.invalidateQueries({ queryKey: ["people", "webhooks", webhook.id] }),
  });
  if (error && !data) return <ProblemAlert error={error} />;
  if (!data) return <p className={classes.dim}>Loading the deliveries …</p>;
  if (!data.deliveries.length) return <p className={classes.dim}>No message in the last 30 days.</p>;
  return (
    <div className={`${table.scroll} ${classes.wide}`} tabIndex={0} role="region" aria-label={`Deliveries to ${webhook.url}`}>
      {again.error && <ProblemAlert error={again.error} />}
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">Message</th>
            <th scope="col">Run</th>
            <th scope="col">When</th>
            <th scope="col">What became of it</th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {data.deliveries.map((each) => (
            <tr key={each.id}>
              <th scope="row">{each.event}</th>
              <td>{each.run ? <Link href={`/runs/${each.run}`}>{each.run}</Link> : "–"}</td>
              <td title={absolute(each.created_at)}>{moment(each.created_at)}</td>
              <td className={classes.message} data-state={each.state}>
                {deliveryText(each)}
              </td>
              <td>
                <div className={classes.actions}>
                  <Button variant="default" size="xs" loading={again.isPending && again.variables === each.id} aria-label={`Send again: ${each.id}`} onClick={() => again.mutate(each.id)}>
                    Send again
                  </Button>
                  <CopyCurl method="POST" path={`/api/v1/webhooks/${webhook.id}/deliveries/${each.id}/again`} what={`send again ${each.id}`} />
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
