import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useRef, type ReactNode } from "react";
import { ApiError } from "../api/client";
import { sessionQuery } from "../api/queries";
import { LoginPage } from "../pages/login/LoginPage";
import { useLoginCode } from "../pages/login/useLoginCode";
import { NotFoundPage, ServerGonePage } from "../pages/problems/ProblemPages";
import { RunPage } from "../pages/run/RunPage";
import { RunsPage } from "../pages/runs/RunsPage";
import { ErrorBoundary } from "./ErrorBoundary";
import { match, useUrl } from "./router";
import { Shell } from "./Shell";
import { PageSkeleton } from "../parts/PageSkeleton";

// The pages that most come for are there at once: what is loaded later, React reveals a third of a second after its placeholder.
const NewRunPage = lazy(() => import("../pages/new/NewRunPage").then((m) => ({ default: m.NewRunPage })));
const ComparePage = lazy(() => import("../pages/compare/ComparePage").then((m) => ({ default: m.ComparePage })));
const PeoplePage = lazy(() => import("../pages/people/PeoplePage").then((m) => ({ default: m.PeoplePage })));
const SettingsPage = lazy(() => import("../pages/settings/SettingsPage").then((m) => ({ default: m.SettingsPage })));
const WorkersPage = lazy(() => import("../pages/workers/WorkersPage").then((m) => ({ default: m.WorkersPage })));

function page(path: string): ReactNode {
  if (match("/", path) || match("/runs", path)) return <RunsPage />;
  if (match("/new", path)) return <NewRunPage />;
  if (match("/workers", path)) return <WorkersPage />;
  if (match("/compare", path)) return <ComparePage />;
  if (match("/people", path)) return <PeoplePage />;
  if (match("/settings", path)) return <SettingsPage />;
  const run = match("/runs/:id", path);
  if (run?.["id"]) return <RunPage key={run["id"]} id={run["id"]} />;
  return <NotFoundPage what={`There is no page at ${path}.`} />;
}

/** A session that ends while the page is open shows the login at the next refused request. */
function useSessionEnd(): void {
  const client = useQueryClient();
  useEffect(
    () =>
      client.getQueryCache().subscribe((event) => {
        // Only as it happens: a query keeps its last error while it is asked again.
        if (event.type !== "updated" || event.action.type !== "error") return;
        const error: unknown = event.action.error;
        const ended = error instanceof ApiError && error.status === 401 && event.query.queryKey[0] !== "session";
        if (ended && client.getQueryState(sessionQuery.queryKey)?.status === "success") void client.resetQueries({ queryKey: ["session"] });
      }),
    [client],
  );
}

export function App() {
  const { pathname } = useUrl();
  const login = useLoginCode();
  const session = useQuery({ ...sessionQuery, enabled: login.state !== "trading" });
  const wasSignedIn = useRef(false);
  useSessionEnd();
  useEffect(() => {
    if (session.data) wasSignedIn.current = true;
  }, [session.data]);

  if (session.error instanceof ApiError && session.error.status === 401) return <main><LoginPage refusal={login.refusal} ended={wasSignedIn.current} /></main>;
  if (session.error) return <main><ServerGonePage /></main>;
  if (!session.data) return <PageSkeleton />;
  return (
    <Shell user={session.data.user}>
      <ErrorBoundary key={pathname}>
        <Suspense fallback={<PageSkeleton />}>{page(pathname)}</Suspense>
      </ErrorBoundary>
    </Shell>
  );
}
