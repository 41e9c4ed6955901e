/** The browser's own notifications: a run that is open in a tab has ended, failed or come to its pause while one looks elsewhere. */
import { useEffect, useRef } from "react";
import type { Run, RunState } from "../../api/types";
import { settingsNow } from "../../app/settings";
import { accuracy } from "../../parts/numbers";

const TOLD: readonly RunState[] = ["completed", "failed", "cancelled", "paused"];

/** Why there can be no notification; null when there can, or when it only has to be asked. */
export function notifyProblem(): string | null {
  if (!window.isSecureContext || !("Notification" in window)) return "Browsers notify for pages over https or from this machine only; this one has come another way.";
  if (Notification.permission === "denied") return "This browser refuses notifications of this page; its own settings for the page allow them again.";
  return null;
}

/** Asks the person, once. The answer as notifyProblem gives it. */
export async function askToNotify(): Promise<string | null> {
  if (notifyProblem() === null && Notification.permission === "default") await Notification.requestPermission();
  return notifyProblem();
}

/** What to say of a run that came from `before` to where it is; null where that is nothing to call somebody for. */
export function endNotice(before: RunState, run: Pick<Run, "name" | "state" | "error" | "capability">): { title: string; body: string } | null {
  if (before === run.state || !TOLD.includes(run.state)) return null;
  if (run.state === "failed") return { title: `${run.name} failed`, body: run.error?.message ?? "" };
  const merged = run.state === "completed" && run.capability != null ? `The merged model answers ${accuracy(run.capability)} rightly.` : "";
  return { title: `${run.name} is ${run.state}`, body: merged };
}

/** Tells of the end while the tab is hidden. All tabs of one run use one tag, so that it is told once. */
export function useEndNotice(run: Run): void {
  const before = useRef(run.state);
  useEffect(() => {
    const notice = endNotice(before.current, run);
    before.current = run.state;
    if (!notice || !document.hidden || !settingsNow().notify || notifyProblem() !== null || Notification.permission !== "granted") return;
    const shown = new Notification(notice.title, { body: notice.body, tag: `copd:${run.id}:${run.state}`, icon: "/icon.svg" });
    shown.addEventListener("click", () => {
      window.focus();
      shown.close();
    });
  }, [run]);
}
