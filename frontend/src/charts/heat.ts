/** The colours of agreement in small matrices, from the scale that the server's heat map has. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { themeQuery } from "../api/charts";
import type { Theme } from "../api/types";

export interface Heat {
  background: string;
  /** What can be read on it. */
  ink: string;
}

type Scale = Pick<Theme, "agreement_scale" | "agreement_range">;
type Channels = readonly [number, number, number];

const UNKNOWN: Heat = { background: "var(--surface-sunk)", ink: "inherit" };

/** Value → colours; beyond the range, those of its end. */
export function useHeat(): (value: number) => Heat {
  const theme = useQuery(themeQuery).data;
  return useMemo(() => (value) => (theme ? heatOf(theme, value) : UNKNOWN), [theme]);
}

export function heatOf({ agreement_scale: scale, agreement_range: [low = 0, high = 1] }: Scale, value: number): Heat {
  const place = Math.min(1, Math.max(0, (value - low) / (high - low))) * (scale.length - 1);
  const from = channels(scale[Math.floor(place)]!);
  const to = channels(scale[Math.ceil(place)]!);
  const mixed = from.map((channel, i) => Math.round(channel + (to[i]! - channel) * (place % 1))) as unknown as Channels;
  return { background: `rgb(${mixed.join(" ")})`, ink: luminance(mixed) > 0.18 ? "#000" : "#fff" };
}

function channels(hex: string): Channels {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)) as unknown as Channels;
}

/** Relative luminance as WCAG has it, 0 to 1: above 0.18 black stands out more than white. */
export function luminance(rgb: Channels): number {
  const [r, g, b] = rgb.map((channel) => {
    const c = channel / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as unknown as Channels;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
