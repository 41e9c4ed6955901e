/** A chart that fills the window: how high its drawing may be, and what a keyboard does. */
import { createContext, use, useEffect, useLayoutEffect, useState, type RefObject } from "react";

/** How high the drawing of an enlarged card may be; null where the card has its usual size. */
export const Room = createContext<number | null>(null);

/** The height to draw at, in a card where `height` is usual. */
export function useHeight(height: number): number {
  return use(Room) ?? height;
}

/** What of the window an enlarged card leaves to its drawing. */
export function useRoom(body: RefObject<HTMLElement | null>, isLarge: boolean): number | null {
  const [room, setRoom] = useState<number | null>(null);
  useLayoutEffect(() => {
    const measured = body.current;
    if (!isLarge || !measured) return;
    const measure = (): void => setRoom(measured.clientHeight);
    measure(); // before anything is drawn, so that it is drawn once
    const observer = new ResizeObserver(measure);
    observer.observe(measured);
    return () => observer.disconnect();
  }, [body, isLarge]);
  return isLarge ? room : null;
}

/** Escape closes what is in front of the card first, as a menu, and then the card. */
export function useEscape(card: RefObject<HTMLElement | null>, isLarge: boolean, close: () => void): void {
  useEffect(() => {
    if (!isLarge) return;
    const press = ({ key }: KeyboardEvent): void => {
      const isInFront = document.activeElement === document.body || card.current?.contains(document.activeElement);
      if (key === "Escape" && isInFront && !card.current?.querySelector("[aria-expanded=true]")) close();
    };
    window.addEventListener("keydown", press, true); // before a menu hears the key, while it is still open
    return () => window.removeEventListener("keydown", press, true);
  }, [card, close, isLarge]);
}

/** When the card is small again, the focus is where it was; on its menu, where it was enlarged from there or by a link. */
export function useFocusReturned(card: RefObject<HTMLElement | null>, isLarge: boolean): void {
  useEffect(() => {
    const element = card.current;
    if (!isLarge || !element) return;
    const before = element.contains(document.activeElement) ? (document.activeElement as HTMLElement) : null;
    return () => (before ?? element.querySelector<HTMLElement>("[aria-haspopup=menu]"))?.focus();
  }, [card, isLarge]);
}
