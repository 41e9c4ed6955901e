import { renderToStaticMarkup } from "react-dom/server";
import { expect, it } from "vitest";
import type { EditView } from "../../../api/types";
import { ValueButton } from "./ValueButton";

it("says that a value is pending, and when it will act", () => {
  const shown = document.createElement("div");
  const edit = { old: 1, expected: "acts from the next step", acknowledged_at: "2026-01-01T00:00:01Z", effective: [] } as unknown as EditView;
  shown.innerHTML = renderToStaticMarkup(<ValueButton label="Weight" value={0.3} pending={edit} staged={undefined} />);
  expect(shown.querySelector("button")?.getAttribute("aria-label")).toBe("Weight: 0.3, pending, 1 until then. Edit");
  expect(shown.textContent).toBe("1 → 0.3pending");
  expect(shown.querySelector("[title]")?.outerHTML).toMatch(/title="acts from the next step">pending</);
});
