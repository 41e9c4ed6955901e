import { useComputedColorScheme, useMantineColorScheme } from "@mantine/core";

/** The scheme one sees, the other one, and the switch. */
export function useScheme() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const other = scheme === "dark" ? "light" : "dark";
  return { scheme, other, change: () => setColorScheme(other) };
}
