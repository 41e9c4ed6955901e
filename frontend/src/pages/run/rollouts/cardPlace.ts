/** Where the card of a token lies. Pure; all in pixels of the viewport. */

interface Edges {
  readonly left: number;
  readonly top: number;
  readonly bottom: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Between the card and its token. */
const GAP = 6;
/** Clear of the site's header and of the other edges. */
const TOP = 64;
const EDGE = 8;

/** Under the token where the card fits there, else above it; where it fits on neither side, over the token, but whole. */
export function cardPlace(token: Edges, card: Size, viewport: { readonly clientWidth: number; readonly clientHeight: number }): { left: number; top: number } {
  const lowest = viewport.clientHeight - EDGE - card.height;
  const under = token.bottom + GAP;
  const above = token.top - GAP - card.height;
  const wanted = under > lowest && above >= TOP ? above : under;
  return {
    left: Math.max(EDGE, Math.min(token.left, viewport.clientWidth - EDGE - card.width)),
    top: Math.max(TOP, Math.min(wanted, lowest)),
  };
}
