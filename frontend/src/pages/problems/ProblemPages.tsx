import { Button, Loader } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { Link } from "../../app/router";
import { Command } from "../../parts/Command";
import { Centered } from "./Centered";

export function NotFoundPage({ what }: { what: string }) {
  return (
    <Centered title="Not found">
      <p>{what}</p>
      <Button component={Link} href="/" variant="default" mt="sm">
        All runs
      </Button>
    </Centered>
  );
}

/** Shown when not even the session answers; asks again by itself. */
export function ServerGonePage() {
  const client = useQueryClient();
  useEffect(() => {
    const timer = setInterval(() => void client.refetchQueries({ queryKey: ["session"] }), 2_000);
    return () => clearInterval(timer);
  }, [client]);
  return (
    <Centered title="The server does not answer">
      <p>Runs are safe: workers go on by themselves. This page returns as soon as the server does. To start it:</p>
      <Command text="copd up" />
      <Loader role="status" size="sm" mt="sm" aria-label="Trying again" />
    </Centered>
  );
}
