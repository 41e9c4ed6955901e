import { useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useState, useSyncExternalStore } from "react";
import { LiveRun, type LiveView } from "./LiveRun";

export const LiveRunContext = createContext<LiveRun | null>(null);

/** The live run of a page, open as long as the page is. */
export function useOpenLiveRun(runId: string): LiveRun {
  const client = useQueryClient();
  const [live] = useState(() => new LiveRun(runId, client));
  useEffect(() => {
    live.start();
    return () => {
      live.stop();
      // Nobody hears the stream from now on. Drawn when one comes back, they would be joined to its new points across all that was missed.
      client.removeQueries({ queryKey: ["run", runId, "figures"] });
    };
  }, [live, client, runId]);
  return live;
}

export function useLiveRun(): LiveRun {
  const live = useContext(LiveRunContext);
  if (!live) throw new Error("there is no live run above this component");
  return live;
}

/** One part of what the run tells; the component draws again when that part changes. `select` returns held objects, not new ones. */
export function useLive<T>(select: (view: LiveView) => T): T {
  const live = useLiveRun();
  return useSyncExternalStore(live.subscribe, () => select(live.snapshot()));
}
