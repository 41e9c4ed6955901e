/** A chart as a file of the person's own. */
import { download } from "../parts/download";
import { advance } from "./drawing";
import { layoutOf } from "./layout";
import { CONFIG, loadPlotly, type Layout } from "./plotly";
import type { Picture } from "./painter";

const TITLE_ROOM = 34;
/** Pixels of a PNG for one of the page: sharp on paper and on dense screens. */
const SCALE = 2;

export type ImageFormat = "png" | "svg";

/** The chart as it is looked at, with its title, on the page's own background. */
export async function saveImage(picture: Picture, width: number, format: ImageFormat, file: string): Promise<void> {
  const plotly = await loadPlotly();
  const { figure, curves, x, view, template, height, adjust } = picture;
  const { update } = advance(null, figure, curves, x, view);
  const data = update.kind === "draw" ? update.data : [];
  const layout = layoutOf(figure, template, view, false);
  adjust?.(data, layout);
  const options = { format, width, height: height + TITLE_ROOM, ...(format === "png" && { scale: SCALE }) };
  download(await plotly.toImage({ data, layout: titled(layout, figure.title), config: CONFIG }, options), `${file}.${format}`);
}

export function saveText(text: string, type: string, file: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  download(url, file);
  setTimeout(() => URL.revokeObjectURL(url), 10_000); // the download has begun by then
}

/** "Three experts", "reward" → "three-experts_reward". */
export function fileName(run: string, figure: string): string {
  const plain = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}.]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "");
  return [plain(run), plain(figure)].filter(Boolean).join("_") || "chart";
}

function titled(layout: Layout, title: string): Layout {
  const background = getComputedStyle(document.documentElement).getPropertyValue("--surface").trim();
  const margin = (layout["margin"] ?? {}) as { t?: number };
  const text = title.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return {
    ...layout,
    paper_bgcolor: background,
    plot_bgcolor: background,
    margin: { ...margin, t: (margin.t ?? 0) + TITLE_ROOM },
    title: { text, x: 0, xref: "paper", xanchor: "left", y: 1, yref: "container", yanchor: "top", pad: { t: 12 }, font: { size: 15 } },
  };
}
