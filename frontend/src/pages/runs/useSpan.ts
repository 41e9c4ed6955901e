import { useEffect, useState, type RefObject } from "react";
import { spanOf, type Span } from "./rows";

/** The rows to draw as the window is scrolled now. `tell` hears, at rest, which row is at the top. */
export function useSpan(element: RefObject<HTMLElement | null>, row: number, total: number, tell: (row: number) => void): Span {
  const [span, setSpan] = useState<Span>({ first: 0, end: 0 });
  useEffect(() => {
    let frame = 0;
    let rest: ReturnType<typeof setTimeout> | undefined;
    const look = (): void => {
      frame = 0;
      if (!element.current) return;
      const top = -element.current.getBoundingClientRect().top;
      const next = spanOf(top, window.innerHeight, row, total);
      setSpan((before) => (before.first === next.first && before.end === next.end ? before : next));
      clearTimeout(rest);
      rest = setTimeout(() => tell(Math.max(0, Math.round(top / row))), 250);
    };
    const soon = (): void => {
      frame ||= requestAnimationFrame(look);
    };
    look();
    window.addEventListener("scroll", soon, { passive: true });
    window.addEventListener("resize", soon);
    return () => {
      cancelAnimationFrame(frame);
      clearTimeout(rest);
      window.removeEventListener("scroll", soon);
      window.removeEventListener("resize", soon);
    };
  }, [element, row, total, tell]);
  return span;
}
