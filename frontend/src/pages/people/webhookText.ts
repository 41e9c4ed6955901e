/** Webhooks in words. Pure. */
import type { WebhookEvent } from "../../api/people";
import type { DeliveryView } from "../../api/types";

export const EVENTS: Record<WebhookEvent, string> = {
  "run.completed": "a run is completed",
  "run.failed": "a run fails",
  "run.overlap_low": "experts drift apart",
  "run.numerical_failure": "a loss or gradient is not finite",
};

/** What became of a message. */
export function deliveryText({ state, tries, status, error }: Pick<DeliveryView, "state" | "tries" | "status" | "error">): string {
  const answer = status === null ? (error ?? "") : `answered ${status}`;
  const times = `${tries} ${tries === 1 ? "try" : "tries"}`;
  if (state === "delivered") return `delivered${status === null ? "" : `, ${answer}`}`;
  if (state === "given_up") return `given up after ${times}${answer ? `: ${answer}` : ""}`;
  return tries === 0 ? "waits to be sent" : `will be tried again; ${times} so far${answer ? `: ${answer}` : ""}`;
}
