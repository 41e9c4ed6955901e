import { Alert } from "@mantine/core";
import { Command } from "../../parts/Command";
import { Centered } from "../problems/Centered";

/** No session, or one that ended: how to get in. The address stays, so that the link leads back to this view. */
export function LoginPage({ refusal }: { refusal: string | null }) {
  return (
    <Centered title="Sign in">
      {refusal && (
        <Alert color="red" variant="light" title="This link does not work" maw={480} role="alert">
          {refusal}
        </Alert>
      )}
      <p>Signing in takes a one-use link. On the machine that runs the server, this prints one:</p>
      <Command text="copd open" />
      <p>Open the link in this browser; it works once, and within a few minutes.</p>
    </Centered>
  );
}
