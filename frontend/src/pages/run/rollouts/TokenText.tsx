import { useId, useLayoutEffect, useRef, useState, type FocusEvent, type KeyboardEvent, type MouseEvent, type PointerEvent } from "react";
import type { KeptToken } from "../../../api/types";
import { cardPlace } from "./cardPlace";
import { ALONE, measureOf, shade, spoken } from "./reading";
import { TokenCard } from "./TokenCard";
import classes from "./Tokens.module.css";

const GAP_WORTH_MARKING = 0.02;

interface Props {
  tokens: readonly KeptToken[];
  by: string;
  limit: number;
  title: string;
}

/**
 * A completion's tokens as one text. Pointing at one shows what could have stood there; a click holds it. By keyboard the text is one
 * stop: arrows go from token to token, Escape puts the card away.
 */
export function TokenText({ tokens, by, limit, title }: Props) {
  const id = useId();
  const [active, setActive] = useState<number | null>(null);
  const [held, setHeld] = useState(false);
  const close = (): void => {
    setActive(null);
    setHeld(false);
  };
  const reach = (place: number): void => {
    document.getElementById(`${id}-${place}`)?.scrollIntoView({ block: "nearest" });
    setActive(place);
  };
  const point = (event: PointerEvent): void => {
    const place = placeOf(event.target);
    if (event.pointerType === "mouse" && place !== null && !held) setActive(place);
  };
  const click = (event: MouseEvent): void => {
    const place = placeOf(event.target);
    if (place === null) return;
    setHeld(!(held && place === active));
    setActive(place);
  };
  const key = (event: KeyboardEvent): void => {
    const last = tokens.length - 1;
    const now = active ?? -1;
    const next = { ArrowRight: Math.min(now + 1, last), ArrowLeft: Math.max(now - 1, 0), Home: 0, End: last }[event.key];
    if (event.key === "Escape" && active !== null) close();
    else if (next === undefined) return;
    else reach(next);
    event.preventDefault();
  };
  const focus = (event: FocusEvent): void => {
    if (event.target.matches(":focus-visible")) setActive((now) => now ?? 0);
  };
  const shown = active === null ? undefined : tokens[active];
  return (
    <div className={classes.wrapper} onPointerLeave={() => !held && setActive(null)}>
      <div
        className={classes.text}
        role="listbox"
        aria-orientation="horizontal"
        aria-label={`Tokens of ${title}`}
        aria-activedescendant={active === null ? undefined : `${id}-${active}`}
        aria-describedby={shown ? `${id}-card` : undefined}
        tabIndex={0}
        onPointerOver={point}
        onClick={click}
        onKeyDown={key}
        onFocus={focus}
        onBlur={close}
      >
        {tokens.map((token, place) => (
          <Token key={place} id={`${id}-${place}`} token={token} place={place} by={by} limit={limit} isActive={place === active} />
        ))}
      </div>
      {shown && <Placed anchor={`${id}-${active}`}>{<TokenCard id={`${id}-card`} token={shown} by={by} />}</Placed>}
    </div>
  );
}

function placeOf(target: EventTarget): number | null {
  const token = target instanceof Element ? target.closest<HTMLElement>("[data-place]") : null;
  return token ? Number(token.dataset["place"]) : null;
}

interface TokenProps {
  id: string;
  token: KeptToken;
  place: number;
  by: string;
  limit: number;
  isActive: boolean;
}

function Token({ id, token, place, by, limit, isActive }: TokenProps) {
  const measure = measureOf(token, by);
  const marked = by !== ALONE && measure !== null && Math.abs(measure) >= GAP_WORTH_MARKING;
  return (
    <span
      id={id}
      role="option"
      className={classes.token}
      aria-selected={isActive}
      aria-label={spoken(token, by)}
      data-place={place}
      data-sign={marked ? (measure < 0 ? "less" : "more") : undefined}
      data-special={token.text === "" || undefined}
      style={{ background: shade(measure, limit, by) }}
    >
      {token.text === "" ? token.name : token.text.replaceAll("\n", "⏎\n")}
    </span>
  );
}

/** Puts the card beside its token, inside the viewport. */
function Placed({ anchor, children }: { anchor: string; children: React.ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  // After every render: the text moves to another column when the answers beside it come.
  useLayoutEffect(() => {
    const place = (): void => {
      const card = box.current;
      const token = document.getElementById(anchor)?.getBoundingClientRect();
      const around = card?.offsetParent?.getBoundingClientRect();
      if (!card || !token || !around) return;
      const { left, top } = cardPlace(token, { width: card.offsetWidth, height: card.offsetHeight }, document.documentElement);
      card.style.left = `${left - around.left}px`;
      card.style.top = `${top - around.top}px`;
    };
    place();
    window.addEventListener("resize", place);
    return () => window.removeEventListener("resize", place);
  });
  return (
    <div ref={box} className={classes.placed}>
      {children}
    </div>
  );
}
