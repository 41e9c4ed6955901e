import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { expect, it, vi } from "vitest";
import { exportsQuery } from "../../../api/queries";
import type { ExportView, Run } from "../../../api/types";
import { asked } from "./asked";
import { ExportNotices } from "./ExportNotices";

const made = (id: number, step: number, state: ExportView["state"], more: Partial<ExportView> = {}): ExportView =>
  ({ id, policy: "merged", step, segment: `export.merged@${step}`, state, url: state === "ready" ? `/exports/${id}` : null, file: `abc-merged-${step}.zip`, reason: null, ...more }) as ExportView;

it("tells of exports that end while one looks, and not of those that were there; a note goes by itself, but not from under the focus", async () => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  const client = new QueryClient({ defaultOptions: { queries: { retry: false, enabled: false } } });
  const hold = (...exports: ExportView[]): Promise<void> =>
    act(async () => {
      client.setQueryData(exportsQuery("abc").queryKey, { exports });
      await new Promise((done) => setTimeout(done)); // its listeners are called later
    });
  await hold(made(1, 60, "ready"), made(2, 120, "waiting"), made(3, 180, "waiting"));
  const root = createRoot(document.body.appendChild(document.createElement("div")));
  await act(async () =>
    root.render(
      <QueryClientProvider client={client}>
        <MantineProvider env="test">
          <ExportNotices run={{ id: "abc" } as Run} />
        </MantineProvider>
      </QueryClientProvider>,
    ),
  );
  const downloads: (string | null)[] = [];
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    downloads.push(this.getAttribute("href"));
  });
  const notes = (): (string | null)[] => Array.from(document.querySelectorAll("[role=note]"), (note) => note.textContent);
  expect(notes()).toEqual([]);
  await hold(made(1, 60, "ready"), made(2, 120, "ready"), made(3, 180, "failed", { reason: "the disk is full" }));
  expect(notes()).toEqual(["merged at step 120 is exported.abc-merged-120.zip Download", "The export of merged at step 180 failed.the disk is full"]);
  expect(document.querySelector("a")?.getAttribute("href")).toBe("/exports/2");
  await act(async () => document.querySelector<HTMLButtonElement>("[aria-label='Close this note']")?.click());
  await hold(made(1, 60, "ready"), made(2, 120, "ready"), made(3, 180, "waiting"));
  expect(notes()).toEqual([]);

  expect(downloads).toEqual([]); // somebody else asked
  asked.add(3);

  vi.useFakeTimers();
  await act(async () => {
    client.setQueryData(exportsQuery("abc").queryKey, { exports: [made(3, 180, "ready")] });
    await vi.advanceTimersByTimeAsync(0);
  });
  expect(notes()).toHaveLength(1);
  expect(notes()[0]).toContain("abc-merged-180.zip was downloaded. Download again");
  expect(downloads).toEqual(["/exports/3"]);
  const pass = (seconds: number): Promise<unknown> => act(async () => vi.advanceTimersByTimeAsync(1000 * seconds));
  await pass(9);
  await act(async () => document.querySelector<HTMLElement>("[role=note] a")?.focus());
  await pass(60);
  expect(notes()).toHaveLength(1); // one is about to use it
  await act(async () => document.querySelector<HTMLElement>("[role=note] a")?.blur());
  await pass(11);
  expect(notes()).toEqual([]);
  vi.useRealTimers();
  await act(async () => root.unmount());
  vi.unstubAllGlobals();
});
