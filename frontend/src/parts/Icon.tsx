/** The few icons of the page, drawn on a 20 × 20 grid with one stroke width. */
const PATHS = {
  alert: "M10 3.5 17.5 16.5h-15zM10 8.5v3.5M10 14.2v.3",
  arrow: "M4 10h12M11.5 5.5 16 10l-4.5 4.5",
  bell: "M5.5 14V9a4.5 4.5 0 0 1 9 0v5l1.5 1.5H4zM8.5 17.5h3",
  caret: "M5.5 8 10 12.5 14.5 8",
  check: "M4 10.5 8.2 14.5 16 6",
  chevron: "M7.5 4.5 13 10l-5.5 5.5",
  compare: "M4 16.5V9M8 16.5v-13M12 16.5v-6M16 16.5V6",
  copy: "M7 7V3.5h9.5V13H13M3.5 7H13v9.5H3.5z",
  download: "M10 3v9.5M5.8 8.6 10 12.8l4.2-4.2M3.5 16.5h13",
  edit: "M4 13.5 13.2 4.3l2.5 2.5L6.5 16H4z",
  enlarge: "M12 3.5h4.5V8M8 16.5H3.5V12M16.5 3.5l-5 5M3.5 16.5l5-5",
  fork: "M6 6.5v7M6 6.5a1.8 1.8 0 1 0 0-3.5 1.8 1.8 0 0 0 0 3.5M6 17a1.8 1.8 0 1 0 0-3.5A1.8 1.8 0 0 0 6 17M14 6.5A1.8 1.8 0 1 0 14 3a1.8 1.8 0 0 0 0 3.5M14 6.5c0 3.5-8 2.5-8 6",
  help: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14M8 8.2a2 2 0 1 1 2.8 1.9c-.5.3-.8.6-.8 1.4M10 13.6v.3",
  more: "M10 4.6v.3M10 9.9v.3M10 15.2v.3",
  moon: "M16.5 11.8A7 7 0 0 1 8.2 3.5a7 7 0 1 0 8.3 8.3z",
  pause: "M7 4.5v11M13 4.5v11",
  play: "M6 4l10 6-10 6z",
  plus: "M10 4v12M4 10h12",
  repeat: "M4 9a6 6 0 0 1 10.5-3.4L16.5 8M16.5 4v4h-4M16 11a6 6 0 0 1-10.5 3.4L3.5 12M3.5 16v-4h4",
  search: "M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12M13.5 13.5 17 17",
  shrink: "M11.5 4v4.5H16M8.5 16v-4.5H4M11.5 8.5l5-5M8.5 11.5l-5 5",
  stop: "M5 5h10v10H5z",
  sun: "M10 13.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4M10 2.5v1.8M10 15.7v1.8M2.5 10h1.8M15.7 10h1.8M4.7 4.7 6 6M14 14l1.3 1.3M15.3 4.7 14 6M6 14l-1.3 1.3",
  terminal: "M3 4h14v12H3zM6 8l2.5 2L6 12M10.5 12.5H14",
  trash: "M4 5.5h12M8 5.5V3.5h4v2M5.5 5.5l.8 11h7.4l.8-11M8.5 9v4.5M11.5 9v4.5",
  x: "M5 5l10 10M15 5 5 15",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth={1.6} strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
