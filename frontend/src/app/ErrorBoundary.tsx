import { Button } from "@mantine/core";
import { Component, type ReactNode } from "react";
import { Centered } from "../pages/problems/Centered";

/** What stands in for a page that cannot be drawn: most often a part of it that a newer version of the server no longer has. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <Centered title="This page could not be drawn">
        <p>{error.message}</p>
        <p>If the server was just updated, loading the page again helps. Runs are not affected.</p>
        <Button variant="default" mt="sm" onClick={() => window.location.reload()}>
          Load again
        </Button>
      </Centered>
    );
  }
}
