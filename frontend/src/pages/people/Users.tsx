import { Button, PasswordInput, Select, Skeleton, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import type { ApiError } from "../../api/client";
import { addUser, usersQuery, type Role } from "../../api/people";
import type { Session, UserView } from "../../api/types";
import { announce } from "../../parts/Announcer";
import { CopyCurl } from "../../parts/CopyCurl";
import { ProblemAlert } from "../../parts/Problem";
import { fieldError, restOf } from "./fieldErrors";
import { roleChoices, ROLES } from "./roles";
import { UserRow } from "./UserRow";
import classes from "./People.module.css";

/** Who there is, and what each may do. */
export function Users({ session }: { session: Session }) {
  const { data, error, refetch } = useQuery(usersQuery);
  return (
    <div className={classes.part}>
      <h2>Users</h2>
      <ul className={classes.roles}>
        {roleChoices("admin").map(({ value }) => (
          <li key={value}>
            <strong>{value}</strong> {ROLES[value].may}.
          </li>
        ))}
      </ul>
      <AddUser />
      {error && !data && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={160} role="group" aria-label="Loading the users" />}
      {data && (
        <ul className={classes.list} aria-label="Users">
          {data.users.map((user) => (
            <UserRow key={user.name} user={user} isSelf={user.name === session.user} />
          ))}
        </ul>
      )}
    </div>
  );
}

function AddUser() {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [password, setPassword] = useState("");
  const add = useMutation<UserView, ApiError>({
    mutationFn: () => addUser(name.trim(), role, password),
    onSuccess: (user) => {
      announce(`${user.name} is added.`);
      setName("");
      setPassword("");
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["people"] }),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    add.mutate();
  };
  const rest = restOf(add.error, ["name", "role", "password"]);
  return (
    <>
      <form className={classes.form} onSubmit={submit} aria-label="Add a user">
        <TextInput
          label="Name"
          placeholder="ann"
          required
          withAsterisk={false}
          maxLength={64}
          autoComplete="off"
          value={name}
          error={fieldError(add.error, "name")}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Select label="Role" w={140} allowDeselect={false} data={roleChoices("admin")} value={role} error={fieldError(add.error, "role")} onChange={(value) => setRole(value as Role)} />
        <PasswordInput
          label="Password, if any"
          autoComplete="new-password"
          w={220}
          value={password}
          error={fieldError(add.error, "password")}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <div className={classes.formEnd}>
          <Button type="submit" loading={add.isPending}>
            Add user
          </Button>
          <CopyCurl method="POST" path="/api/v1/users" body={{ name: name || "ann", role }} what="add a user" />
        </div>
      </form>
      <p className={classes.dim}>Without a password a user comes in by a link (copd open), by single sign-on or by token. Names are never used again.</p>
      {rest && <ProblemAlert error={rest} />}
    </>
  );
}
