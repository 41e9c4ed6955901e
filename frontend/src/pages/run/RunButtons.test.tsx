import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { sessionQuery } from "../../api/queries";
import type { Run, Session } from "../../api/types";
import { RunButtons } from "./RunButtons";

/** Before any import: the API's client keeps the fetch it finds. */
const { sent, notice } = vi.hoisted(() => {
  const sent: { url: string; body: unknown }[] = [];
  const notice = "the same step will fail again";
  globalThis.fetch = async (input) => {
    const request = input as Request;
    const body = JSON.parse(await request.text()) as { reseed: boolean };
    sent.push({ url: new URL(request.url).pathname, body });
    return Response.json({ id: "abc", state: "queued", allowed: ["pause", "cancel"], notice: body.reseed ? null : notice });
  };
  return { sent, notice };
});
const failed = { id: "abc", state: "failed", allowed: ["retry"] } as unknown as Run;
let root: Root;

const labels = (): string[] => Array.from(document.querySelectorAll("button"), (button) => button.textContent ?? "");

async function show(run: Run, role = "operator"): Promise<void> {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  client.setQueryData(sessionQuery.queryKey, { user: "ann", role } as Session);
  root = createRoot(document.body.appendChild(document.createElement("div")));
  await act(async () =>
    root.render(
      <QueryClientProvider client={client}>
        <MantineProvider env="test">
          <RunButtons run={run} />
        </MantineProvider>
      </QueryClientProvider>,
    ),
  );
}

async function click(label: string): Promise<void> {
  const button = Array.from(document.querySelectorAll("button")).find((each) => each.textContent === label);
  await act(async () => button?.click());
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  await act(async () => {});
}

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
});

afterEach(async () => {
  await act(async () => root.unmount());
  document.body.innerHTML = "";
  sent.length = 0;
  vi.unstubAllGlobals();
});

describe("the buttons of a run", () => {
  it("are the commands its state allows", async () => {
    await show(failed);
    expect(labels()).toEqual(["Retry", "Retry with the next seed"]);
    await act(async () => root.unmount());
    await show({ ...failed, state: "running", allowed: ["pause", "cancel"] });
    expect(labels()).toEqual(["Pause", "Cancel"]);
  });

  it("keep their places, counted from the right, while it pauses: a second click on Pause meets nothing", async () => {
    await show({ ...failed, state: "pausing", allowed: ["resume", "cancel"] });
    expect(labels()).toEqual(["Stop now", "Resume", "Pausing …", "Cancel"]);
    expect(document.querySelectorAll("button")[2]?.disabled).toBe(true);
  });

  it("are none for a viewer", async () => {
    await show(failed, "viewer");
    expect(labels()).toEqual([]);
  });

  it.each([
    ["pausing", "are lost; they are trained again"],
    ["cancelling", "are lost."],
  ] as const)("say what forcing loses while %s, before it is asked for and then", async (state, lost) => {
    await show({ ...failed, state, allowed: [] });
    const [stop] = document.querySelectorAll("button");
    expect(stop?.textContent).toBe("Stop now");
    expect(stop?.title).toContain(lost);
    await act(async () => stop?.click());
    expect(document.querySelector("[role=dialog]")?.textContent).toContain(lost);
  });

  it("say so when a retry can only fail again", async () => {
    await show(failed);
    await click("Retry");
    expect(sent).toEqual([{ url: "/api/v1/runs/abc/retry", body: { reseed: false } }]);
    await vi.waitFor(() => expect(document.body.textContent).toContain(notice));
  });

  it("retry with the next seed without a warning", async () => {
    await show(failed);
    await click("Retry with the next seed");
    expect(sent).toEqual([{ url: "/api/v1/runs/abc/retry", body: { reseed: true } }]);
    expect(document.body.textContent).not.toContain(notice);
  });
});
