import { useState } from "react";

/** What is held, each part as it is now; one that is gone as it was. Pure. */
export function still<T>(held: readonly T[], live: readonly T[], keyOf: (item: T) => string): T[] {
  const now = new Map(live.map((item) => [keyOf(item), item]));
  return held.map((item) => now.get(keyOf(item)) ?? item);
}

/** A list that gains and loses nothing while a pointer is on it, so that what one is about to click stays where it is. `hand` belongs to the
 * element that holds it. */
export function useStill<T>(live: readonly T[], keyOf: (item: T) => string) {
  const [held, setHeld] = useState<readonly T[] | null>(null);
  return {
    shown: held ? still(held, live, keyOf) : live,
    hand: { onPointerEnter: () => setHeld(live), onPointerLeave: () => setHeld(null) },
  };
}
