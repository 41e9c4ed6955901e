import { renderToStaticMarkup } from "react-dom/server";
import { expect, it } from "vitest";
import type { EditView } from "../../../api/types";
import { thickness } from "./topology";
import { TopologyGraph } from "./TopologyGraph";
import type { Steering } from "./useSteering";

it("draws the weight that acts until a pending one does, and says both as the matrix does", () => {
  const edit = { path: "w.image.text", old: 1, kind: "value", effective: [] } as unknown as EditView;
  const run = { controls: [{ path: "w.image.text", value: 0.3 }, { path: "w.text.image", value: 2 }], edits: [edit] };
  const edges = [{ student: "image", teacher: "text" }, { student: "text", teacher: "image" }];
  const shown = document.createElement("div");
  const steering = { run, locked: false } as unknown as Steering;
  shown.innerHTML = renderToStaticMarkup(<TopologyGraph names={["text", "image"]} edges={edges} steering={steering} colour={() => "#000"} onOpen={() => undefined} lit={null} onLit={() => undefined} />);
  const arrows = Array.from(shown.querySelectorAll("[role=button]"), (arrow) => [arrow.getAttribute("aria-label"), arrow.textContent, Number(arrow.querySelector("[stroke-width]")?.getAttribute("stroke-width"))]);
  expect(arrows).toEqual([
    ["image learns from text: 1, 0.3 pending", "1 → 0.3", thickness(1)],
    ["text learns from image: 2", "2", thickness(2)],
  ]);
});
