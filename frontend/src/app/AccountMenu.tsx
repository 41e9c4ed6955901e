import { Alert, Button, PasswordInput, Popover } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { changePassword, signOut } from "../api/actions";
import type { ApiError } from "../api/client";
import { announce } from "../parts/Announcer";
import { Icon } from "../parts/Icon";
import { Link } from "./router";
import { useScheme } from "./useScheme";
import classes from "./AccountMenu.module.css";

const SHORTEST = 10;

/** Who is signed in, and behind it the way to users and tokens and to the settings, the way out, and the form for a new password of one's own. */
export function AccountMenu({ user }: { user: string }) {
  const [open, setOpen] = useState(false);
  return (
    <Popover opened={open} onChange={setOpen} width={300} position="bottom-end" shadow="md" withArrow trapFocus returnFocus>
      <Popover.Target>
        <Button variant="subtle" color="gray" size="compact-sm" className={classes.user ?? ""} aria-label={`Account of ${user}`} rightSection={<Icon name="caret" size={12} />} onClick={() => setOpen(!open)}>
          {user}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <nav aria-label="Account" className={classes.links}>
          <Link href="/people" onClick={() => setOpen(false)}>
            Users and tokens
          </Link>
          <Link href="/settings" onClick={() => setOpen(false)}>
            Settings
          </Link>
          <SchemeSwitch />
          <SignOut />
        </nav>
        <PasswordForm user={user} onDone={() => setOpen(false)} />
      </Popover.Dropdown>
    </Popover>
  );
}

/** On a phone, where the header has no room for it. */
function SchemeSwitch() {
  const { other, change } = useScheme();
  return (
    <button type="button" className={classes.scheme} onClick={change}>
      Switch to {other} theme
    </button>
  );
}

/** Ends this browser's session. Nothing of what it had read stays in the page. */
function SignOut() {
  const client = useQueryClient();
  const leave = useMutation<unknown, ApiError>({
    mutationFn: signOut,
    onSuccess: async () => {
      announce("You are signed out.");
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "session" });
      await client.resetQueries({ queryKey: ["session"] });
    },
  });
  return (
    <>
      <button type="button" disabled={leave.isPending} onClick={() => leave.mutate()}>
        Sign out
      </button>
      {leave.error && (
        <Alert color="red" variant="light" role="alert">
          {leave.error.message}
        </Alert>
      )}
    </>
  );
}

function PasswordForm({ user, onDone }: { user: string; onDone: () => void }) {
  const [current, setCurrent] = useState("");
  const [wanted, setWanted] = useState("");
  const change = useMutation<unknown, ApiError>({
    mutationFn: () => changePassword(current, wanted),
    onSuccess: () => {
      announce("The password is changed. Other sessions have ended.");
      onDone();
    },
    onError: () => setCurrent(""),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <form className={classes.form} onSubmit={submit} aria-label="Change your password">
      {change.error && (
        <Alert color="red" variant="light" role="alert">
          {change.error.message}
        </Alert>
      )}
      <input type="hidden" name="username" autoComplete="username" value={user} />
      <PasswordInput
        label="Current password"
        autoComplete="current-password"
        required
        withAsterisk={false}
        value={current}
        onChange={(event) => setCurrent(event.currentTarget.value)}
      />
      <PasswordInput
        label="New password"
        description={`At least ${SHORTEST} characters`}
        autoComplete="new-password"
        required
        withAsterisk={false}
        minLength={SHORTEST}
        value={wanted}
        onChange={(event) => setWanted(event.currentTarget.value)}
      />
      <Button type="submit" loading={change.isPending}>
        Change password
      </Button>
    </form>
  );
}
