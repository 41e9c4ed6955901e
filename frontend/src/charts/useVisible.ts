import { useEffect, useState, useSyncExternalStore, type RefObject } from "react";

/** So much before it comes on screen an element is made ready, in pixels. */
const NEARLY = 200;

/** Whether the element is on screen, or nearly: so many pixels away. */
export function useVisible(element: RefObject<Element | null>, nearly = NEARLY): boolean {
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    if (!element.current) return;
    const observer = new IntersectionObserver((entries) => setVisible(entries.at(-1)?.isIntersecting ?? false), { rootMargin: `${nearly}px` });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element, nearly]);
  return visible;
}

/** Whether the element has been on screen, or nearly: from then on it may cost something. */
export function useSeen(element: RefObject<Element | null>): boolean {
  const visible = useVisible(element);
  const [seen, setSeen] = useState(false);
  if (visible && !seen) setSeen(true);
  return seen || visible;
}

function subscribe(listener: () => void): () => void {
  document.addEventListener("visibilitychange", listener);
  return () => document.removeEventListener("visibilitychange", listener);
}

/** Whether anybody can see the tab: a hidden one rests. */
export function useTabShown(): boolean {
  return useSyncExternalStore(subscribe, () => document.visibilityState === "visible");
}
