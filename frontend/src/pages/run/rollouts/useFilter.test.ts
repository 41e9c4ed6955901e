import { describe, expect, it } from "vitest";
import { filterOf } from "./useFilter";

describe("the filter in the URL", () => {
  it("is read as it was written", () => {
    const search = new URLSearchParams("policy=text&domain=image&part=cross&reward=none&from=10&to=20&sort=worst");
    expect(filterOf(search)).toEqual({ policy: "text", domain: "image", part: "cross", from: 10, to: 20, reward: [null, 0], sort: "worst" });
  });

  it("leaves out what nobody can have chosen", () => {
    const search = new URLSearchParams("part=other&reward=much&from=-1&to=1e9&sort=random");
    expect(filterOf(search)).toEqual({ policy: "", domain: "", part: "", from: null, to: null, reward: [null, null], sort: "newest" });
  });
});
