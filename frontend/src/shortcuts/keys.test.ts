import { describe, expect, it, vi } from "vitest";
import { hear, isTaken, type Shortcut } from "./keys";

const make = (keys: string): Shortcut => ({ keys, what: keys, run: vi.fn() });
const help = make("?");
const toRuns = make("g r");
const toWorkers = make("g w");
const known = [help, toRuns, toWorkers];

function type(keys: string): (Shortcut | null)[] {
  let pending = "";
  return keys.split(" ").map((key) => {
    const heard = hear(known, pending, key);
    pending = heard.pending;
    return heard.shortcut;
  });
}

describe("shortcuts", () => {
  it("hears one key, and two one after the other", () => {
    expect(type("?")).toEqual([help]);
    expect(type("g w")).toEqual([null, toWorkers]);
    expect(type("g r g w")).toEqual([null, toRuns, null, toWorkers]);
  });

  it("forgets a beginning that the next key does not go on with, and hears that key by itself", () => {
    expect(type("g ?")).toEqual([null, help]);
    expect(type("g g r")).toEqual([null, null, toRuns]);
    expect(type("x r")).toEqual([null, null]);
  });

  it("means the later of two with the same keys", () => {
    const later = make("?");
    expect(hear([...known, later], "", "?").shortcut).toBe(later);
  });

  it("leaves keys to whom they belong", () => {
    document.body.innerHTML = '<input id="text"><input id="box" type="checkbox"><div role="dialog"><button id="inside"></button></div><button id="free"></button>';
    const key = (id: string, change = {}) => ({ ctrlKey: false, metaKey: false, altKey: false, defaultPrevented: false, isComposing: false, target: document.getElementById(id), ...change });
    expect(["text", "box", "inside", "free"].map((id) => isTaken(key(id)))).toEqual([true, false, true, false]);
    expect(isTaken(key("free", { ctrlKey: true }))).toBe(true);
    expect(isTaken(key("free", { defaultPrevented: true }))).toBe(true);
  });
});
