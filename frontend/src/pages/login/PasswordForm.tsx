import { Alert, Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { signInByPassword } from "../../api/actions";
import type { ApiError } from "../../api/client";
import { sessionQuery } from "../../api/queries";
import type { Session } from "../../api/types";
import classes from "./LoginPage.module.css";

/** Name and password. The page behind appears by itself once there is a session. */
export function PasswordForm() {
  const client = useQueryClient();
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const login = useMutation<Session, ApiError>({
    mutationFn: () => signInByPassword(user.trim(), password),
    onSuccess: (session) => {
      client.setQueryData(sessionQuery.queryKey, session);
      void client.invalidateQueries();
    },
    onError: () => setPassword(""),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    login.mutate();
  };

  return (
    <form className={classes.form} onSubmit={submit} aria-label="Sign in with a password">
      {login.error && (
        <Alert color="red" variant="light" role="alert">
          {login.error.message}
        </Alert>
      )}
      <TextInput
        label="User"
        name="username"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        size="md"
        required
        withAsterisk={false}
        maxLength={64}
        value={user}
        onChange={(event) => setUser(event.currentTarget.value)}
      />
      <PasswordInput
        label="Password"
        name="password"
        autoComplete="current-password"
        size="md"
        required
        withAsterisk={false}
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      <Button type="submit" size="md" fullWidth mt={4} loading={login.isPending}>
        Sign in
      </Button>
    </form>
  );
}
