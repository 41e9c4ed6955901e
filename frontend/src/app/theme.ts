import { createTheme, type CSSVariablesResolver } from "@mantine/core";

export const theme = createTheme({
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace",
  headings: { fontWeight: "600" },
  primaryColor: "blue",
  primaryShade: { light: 7, dark: 7 },
  defaultRadius: "md",
  cursorType: "pointer",
  respectReducedMotion: true,
  colors: {
    blue: ["#eaf2ff", "#d3e3fe", "#a6c6fc", "#78a8f8", "#5590f4", "#4182f0", "#2f72e4", "#2261cb", "#1b53b3", "#10469b"],
    dark: ["#e6eaf0", "#b4bdca", "#95a0b0", "#5d6878", "#3a4351", "#2a313c", "#1d232c", "#151a21", "#10141a", "#0b0e13"],
  },
});

/** Surfaces, lines and inks of the two schemes; everything else derives from these. */
export const cssVariablesResolver: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-body": "#f6f7f9",
    "--mantine-color-text": "#18202b",
    "--mantine-color-dimmed": "#586475",
    "--mantine-color-placeholder": "#68748a",
    "--surface": "#ffffff",
    "--surface-sunk": "#f0f2f5",
    "--line": "#e2e6eb",
    "--good": "#0e6a46",
    "--warn": "#7f4f00",
    "--bad": "#b3242c",
    "--link": "#2261cb",
  },
  dark: {
    "--mantine-color-body": "#0f1318",
    "--mantine-color-text": "#e6eaf0",
    "--mantine-color-dimmed": "#99a4b4",
    "--mantine-color-placeholder": "#8793a5",
    "--surface": "#161b22",
    "--surface-sunk": "#11161c",
    "--line": "#28303b",
    "--good": "#4cc38f",
    "--warn": "#e3ad4e",
    "--bad": "#ff7a7f",
    "--link": "#7db0ff",
  },
});
