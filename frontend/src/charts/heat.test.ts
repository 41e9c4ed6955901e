import { describe, expect, it } from "vitest";
import { heatOf, luminance } from "./heat";

const theme = {
  agreement_scale: ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"],
  agreement_range: [0.5, 1] as [number, number],
};
const channels = (colour: string) => (colour.match(/\d+/g) ?? []).map(Number) as unknown as [number, number, number];

describe("colours of agreement", () => {
  it("are the scale's own at its stops, mixed between, and its ends' beyond", () => {
    expect(heatOf(theme, 0.5).background).toBe("rgb(0 34 78)");
    expect(heatOf(theme, 0.2)).toEqual(heatOf(theme, 0.5));
    expect(heatOf(theme, 1).background).toBe("rgb(254 232 56)");
    expect(heatOf({ ...theme, agreement_scale: ["#000000", "#646464"] }, 0.75).background).toBe("rgb(50 50 50)");
  });

  it("can be read at every value (WCAG AA)", () => {
    for (let value = 0.5; value <= 1.0001; value += 0.005) {
      const { background, ink } = heatOf(theme, value);
      const [light, dark] = [luminance(channels(background)), ink === "#fff" ? 1 : 0].sort((a, b) => b - a) as [number, number];
      expect((light + 0.05) / (dark + 0.05), `at ${value}`).toBeGreaterThanOrEqual(4.5);
    }
  });
});
