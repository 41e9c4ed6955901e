import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { expect, it, vi } from "vitest";
import type { RolloutSummary, Run } from "../../../api/types";
import { KeptView } from "./KeptView";

/** Before any import: the API's client keeps the fetch it finds. */
const { kept } = vi.hoisted(() => {
  const kept: RolloutSummary[] = [];
  globalThis.fetch = async (input) => {
    const url = new URL((input as Request).url);
    if (!url.pathname.endsWith("/rollouts")) return new Promise(() => undefined); // one alone never comes
    const [limit, after] = [Number(url.searchParams.get("limit")), Number(url.searchParams.get("after") ?? Infinity)];
    const rollouts = kept.filter(({ id }) => id < after).slice(0, limit);
    const last = rollouts.at(-1)?.id;
    return Response.json({ total: kept.length, rollouts, next: last === kept.at(-1)?.id ? null : String(last) });
  };
  return { kept };
});

const one = (id: number) => ({ id, policy: "text", step: id, part: "native", peer: null, domain: "text", media: [], size: 1, reward_min: 0, reward_mean: 0, reward_max: 0, gap: null }) as unknown as RolloutSummary;
const keep = (from: number, to: number): number => kept.unshift(...Array.from({ length: to - from + 1 }, (_, i) => one(to - i)));
const run = { id: "abc", state: "running", policies: [], domains: [], spec: { rollouts: { every: 1 } } } as unknown as Run;

it("shows what comes while one reads when one asks for it, and not before", async () => {
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }));
  const client = new QueryClient();
  const root = createRoot(document.body.appendChild(document.createElement("div")));
  root.render(
    <QueryClientProvider client={client}>
      <MantineProvider env="test">
        <KeptView run={run} />
      </MantineProvider>
    </QueryClientProvider>,
  );
  const ids = (): number[] => Array.from(document.querySelectorAll<HTMLElement>("[data-rollout]"), (row) => Number(row.dataset["rollout"]));
  const button = (label: string) => Array.from(document.querySelectorAll("button")).find(({ textContent }) => textContent === label);
  const told = (): Promise<void> => client.invalidateQueries({ queryKey: ["run", "abc", "rollouts"] });
  const range = (from: number, to: number): number[] => Array.from({ length: from - to + 1 }, (_, i) => from - i);

  await vi.waitFor(() => expect(document.body.textContent).toContain("Nothing kept yet"));
  keep(1, 40);
  await told(); // the first are there at once: nobody was reading
  await vi.waitFor(() => expect(ids()).toEqual(range(40, 11)));
  expect(button("Up to date")?.getAttribute("aria-disabled")).toBe("true");
  keep(41, 52);
  await told();
  await vi.waitFor(() => expect(button("Show 12 new")).toBeDefined());
  expect(ids()).toEqual(range(40, 11));
  button("Show more")?.click();
  await vi.waitFor(() => expect(ids()).toEqual(range(40, 1)));
  button("Show 12 new")?.focus();
  button("Show 12 new")?.click();
  await vi.waitFor(() => expect(ids()).toEqual(range(52, 1)));
  expect(document.activeElement).toBe(button("Up to date"));
  root.unmount();
  vi.unstubAllGlobals();
});
