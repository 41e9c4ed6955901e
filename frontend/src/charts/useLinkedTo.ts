import { useEffect, type RefObject } from "react";

/** The id of a chart's card; a link that names it brings it on screen. */
export function useLinkedTo(name: string, frame: RefObject<HTMLElement | null>): string {
  const id = `chart-${name}`;
  useEffect(() => {
    if (decodeURIComponent(window.location.hash.slice(1)) === id) frame.current?.scrollIntoView({ block: "center" });
  }, [frame, id]);
  return id;
}
