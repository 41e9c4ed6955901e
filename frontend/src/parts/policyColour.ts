/** One colour per policy, everywhere: the server's palette, addressed as figures address it. */
import { useQuery } from "@tanstack/react-query";
import { themeQuery } from "../api/charts";
import type { PolicyView } from "../api/types";

/** After the last place the experts' colours come round again, from the third on. */
export function paletteColour(palette: readonly string[], index: number): string {
  const place = index < palette.length ? index : 2 + ((index - 2) % (palette.length - 2));
  return palette[place] ?? "currentColor";
}

export function usePolicyColours(policies: readonly PolicyView[]): (policy: string) => string {
  const palette = useQuery(themeQuery).data?.palette ?? [];
  const colours = new Map(policies.map(({ name, colour }) => [name, paletteColour(palette, colour)]));
  return (policy) => colours.get(policy) ?? "currentColor";
}
