import { useComputedColorScheme } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { themeQuery } from "../api/charts";

/** The Plotly template of the page's scheme, as the server gives it; undefined until it is here. */
export function useTemplate(): unknown {
  const scheme = useComputedColorScheme("light");
  return useQuery(themeQuery).data?.templates[scheme];
}
