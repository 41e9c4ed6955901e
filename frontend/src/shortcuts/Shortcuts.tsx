import { useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import { navigate } from "../app/router";
import { useMaySteer } from "../app/useMaySteer";
import { useKeyboard, useShortcuts } from "./registry";

const ShortcutSheet = lazy(() => import("./ShortcutSheet").then((m) => ({ default: m.ShortcutSheet })));

/** The keyboard of every page, and the sheet that says what it does. */
export function Shortcuts() {
  const [opened, setOpened] = useState(false);
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const maySteer = useMaySteer();
  useKeyboard();
  useShortcuts("Everywhere", [
    { keys: "?", what: "Show the shortcuts", run: () => setOpened(true) },
    { keys: "g r", what: "Go to runs", run: () => navigate("/") },
    { keys: "g c", what: "Go to compare", run: () => navigate("/compare") },
    { keys: "g w", what: "Go to workers", run: () => navigate("/workers") },
    { keys: "g s", what: "Go to settings", run: () => navigate("/settings") },
    ...(maySteer ? [{ keys: "g n", what: "New run", run: () => navigate("/new") }] : []),
    { keys: "t", what: "Light or dark", run: () => setColorScheme(scheme === "dark" ? "light" : "dark") },
  ]);
  return <Suspense>{opened && <ShortcutSheet onClose={() => setOpened(false)} />}</Suspense>;
}
