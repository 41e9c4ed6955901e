/** The few icons of the page, drawn on a 20 × 20 grid with one stroke width. */
const PATHS = {
  alert: "M10 3.5 17.5 16.5h-15zM10 8.5v3.5M10 14.2v.3",
  arrow: "M4 10h12M11.5 5.5 16 10l-4.5 4.5",
  check: "M4 10.5 8.2 14.5 16 6",
  chevron: "M7.5 4.5 13 10l-5.5 5.5",
  copy: "M7 7V3.5h9.5V13H13M3.5 7H13v9.5H3.5z",
  download: "M10 3v9.5M5.8 8.6 10 12.8l4.2-4.2M3.5 16.5h13",
  edit: "M4 13.5 13.2 4.3l2.5 2.5L6.5 16H4z",
  help: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14M8 8.2a2 2 0 1 1 2.8 1.9c-.5.3-.8.6-.8 1.4M10 13.6v.3",
  moon: "M16.5 11.8A7 7 0 0 1 8.2 3.5a7 7 0 1 0 8.3 8.3z",
  pause: "M7 4.5v11M13 4.5v11",
  play: "M6 4l10 6-10 6z",
  plus: "M10 4v12M4 10h12",
  repeat: "M4 9a6 6 0 0 1 10.5-3.4L16.5 8M16.5 4v4h-4M16 11a6 6 0 0 1-10.5 3.4L3.5 12M3.5 16v-4h4",
  search: "M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12M13.5 13.5 17 17",
  stop: "M5 5h10v10H5z",
  sun: "M10 13.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4M10 2.5v1.8M10 15.7v1.8M2.5 10h1.8M15.7 10h1.8M4.7 4.7 6 6M14 14l1.3 1.3M15.3 4.7 14 6M6 14l-1.3 1.3",
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
