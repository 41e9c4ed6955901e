import { expect, test } from "vitest";
import { gpuText } from "./Usage";

const GPU = { utilisation: 0.874, memory_used: 40e9, memory_total: 80e9, temperature: 63.6 };

test("a GPU's figures stand in one line", () => {
  expect(gpuText(GPU)).toBe("87%, 40 GB of 80 GB, 64 °C");
});

test("what the driver cannot tell is left out, and 0 is not nothing", () => {
  expect(gpuText({ ...GPU, utilisation: null, temperature: null })).toBe("40 GB of 80 GB");
  expect(gpuText({ ...GPU, utilisation: 0, temperature: 0 })).toBe("0%, 40 GB of 80 GB, 0 °C");
});
