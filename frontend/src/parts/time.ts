/** Durations and moments as people read them. Seconds in, text out. */
import { useEffect, useState } from "react";

export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${pad(s % 60)} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${pad(Math.floor((s % 3600) / 60))} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** One unit only: for lists and estimates, where seconds are noise. */
export function about(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.round(s / 60)} min`;
  if (s < 86_400) return `${(s / 3600).toFixed(1)} h`;
  return `${(s / 86_400).toFixed(1)} d`;
}

export function secondsSince(iso: string, now: number): number {
  return (now - Date.parse(iso)) / 1000;
}

export function ago(iso: string, now: number): string {
  const seconds = secondsSince(iso, now);
  return seconds < 5 ? "just now" : `${about(seconds)} ago`;
}

export function clock(iso: string): string {
  return new Date(iso).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
}

/** The time, renewed every `every` milliseconds while the tab is visible. */
export function useNow(every = 1_000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") setNow(Date.now());
    }, every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

function pad(n: number): string {
  return String(n).padStart(2, "0");
}

const sameDay = (a: Date, b: Date): boolean => a.toDateString() === b.toDateString();

/** "14:02:11" today, "27 Nov, 14:02:11" on any other day. */
export function moment(iso: string, now = Date.now()): string {
  const at = new Date(iso);
  if (sameDay(at, new Date(now))) return clock(iso);
  return `${at.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${clock(iso)}`;
}

/** Everything there is to know of a moment, in the reader's own time zone: for a hover. */
export function absolute(iso: string): string {
  return new Date(iso).toLocaleString("en-GB", { dateStyle: "full", timeStyle: "long" });
}
