import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { signIn } from "../../api/actions";
import { ApiError } from "../../api/client";
import { sessionQuery } from "../../api/queries";

export interface LoginCode {
  state: "none" | "trading" | "done";
  /** Why the server did not take the code. */
  refusal: string | null;
}

/** Takes the one-use code out of the URL before anything else can read or store it. */
function takeCode(): string | null {
  const code = new URLSearchParams(window.location.hash.slice(1)).get("code");
  if (code) window.history.replaceState(null, "", window.location.pathname + window.location.search);
  return code;
}

const firstCode = takeCode();

/** Trades `#code=…` for a session, at the start and when such a link is pasted into an open tab. */
export function useLoginCode(): LoginCode {
  const client = useQueryClient();
  const [code, setCode] = useState(firstCode);
  const [login, setLogin] = useState<LoginCode>({ state: firstCode ? "trading" : "none", refusal: null });

  useEffect(() => {
    const onHash = (): void => {
      const next = takeCode();
      if (next) setCode(next);
    };
    window.addEventListener("hashchange", onHash);
    return () => window.removeEventListener("hashchange", onHash);
  }, []);

  useEffect(() => {
    if (!code) return;
    setCode(null);
    setLogin({ state: "trading", refusal: null });
    signIn(code).then(
      (session) => {
        client.setQueryData(sessionQuery.queryKey, session);
        setLogin({ state: "done", refusal: null });
        void client.invalidateQueries();
      },
      (error: unknown) => {
        setLogin({ state: "none", refusal: error instanceof ApiError && error.status !== 0 ? error.message : null });
        void client.resetQueries({ queryKey: ["session"] });
      },
    );
  }, [code, client]);

  return login;
}
