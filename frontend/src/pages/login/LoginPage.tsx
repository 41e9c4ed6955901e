import { Alert } from "@mantine/core";
import { Command } from "../../parts/Command";
import { useTitle } from "../../parts/useTitle";
import { Centered } from "../problems/Centered";
import classes from "./LoginPage.module.css";
import { PasswordForm } from "./PasswordForm";
import { SingleSignOn } from "./SingleSignOn";

/** No session, or one that ended: how to get in. The address stays, so that either way leads back to this view. */
export function LoginPage({ refusal, ended }: { refusal: string | null; ended: boolean }) {
  useTitle("Sign in");
  return (
    <Centered title="Sign in">
      {ended && <p role="status">Your session has ended. Sign in, and you are back on this page as it was. Runs go on meanwhile.</p>}
      {refusal && (
        <Alert color="red" variant="light" title="This link does not work" maw={480} role="alert">
          {refusal}
        </Alert>
      )}
      <div className={classes.card}>
        <SingleSignOn />
        <PasswordForm />
        <div className={classes.or}>or by a link</div>
        <div className={classes.link}>
          <p>On the machine that runs the server, this prints one that works once:</p>
          <Command text="copd open" />
        </div>
      </div>
    </Centered>
  );
}
