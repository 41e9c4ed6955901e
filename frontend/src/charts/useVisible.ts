import { useEffect, useState, type RefObject } from "react";

/** Whether the element is on screen, or nearly. */
export function useVisible(element: RefObject<Element | null>): boolean {
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    if (!element.current) return;
    const observer = new IntersectionObserver((entries) => setVisible(entries.at(-1)?.isIntersecting ?? false), { rootMargin: "200px" });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return visible;
}
