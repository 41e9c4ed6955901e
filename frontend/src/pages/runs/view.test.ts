import { describe, expect, it } from "vitest";
import { isFiltered, readColumns, readView, writeView } from "./view";

const read = (text: string) => readView(new URLSearchParams(text));

describe("the view in the URL", () => {
  it("is the same after being written and read", () => {
    const view = { search: "a & b", states: ["running", "failed"], methods: ["copd"], tags: ["x,y", "z"], sort: "accuracy", descending: false } as const;
    const written = writeView(new URLSearchParams("row=120&columns=id"), view);
    expect(readView(written)).toEqual(view);
    expect(written.get("columns")).toBe("id");
    expect(written.get("row")).toBeNull();
  });

  it("is short where nothing was chosen", () => {
    expect(writeView(new URLSearchParams(), read("")).toString()).toBe("");
    expect(writeView(new URLSearchParams(), read("sort=name")).toString()).toBe("sort=name");
  });

  it("begins each order where one looks first, and turns it round", () => {
    expect(read("sort=name").descending).toBe(false);
    expect(read("sort=accuracy").descending).toBe(true);
    expect(read("sort=accuracy-asc").descending).toBe(false);
    expect(read("sort=name-desc").descending).toBe(true);
  });

  it("leaves out what is unknown", () => {
    expect(read("sort=colour&state=happy&state=paused&method=magic&tag=")).toEqual({ ...read(""), states: ["paused"] });
    expect(isFiltered(read("sort=name"))).toBe(false);
    expect(isFiltered(read("tag=a"))).toBe(true);
  });

  it("has columns in the table's order", () => {
    expect(readColumns("created,state,x")).toEqual(["state", "created"]);
    expect(readColumns("")).toEqual([]);
    expect(readColumns(null)).toBeNull();
  });
});
