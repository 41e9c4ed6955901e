import { Button, Group, PasswordInput, Popover, Select } from "@mantine/core";
import { useMutation, useQueryClient, type UseMutationResult } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import type { ApiError } from "../../api/client";
import { changeUser, type Role, type UserChange } from "../../api/people";
import type { UserView } from "../../api/types";
import { announce } from "../../parts/Announcer";
import { AskOnce } from "../../parts/AskOnce";
import { CopyCurl } from "../../parts/CopyCurl";
import { ProblemAlert } from "../../parts/Problem";
import { absolute, moment } from "../../parts/time";
import { fieldError, restOf } from "./fieldErrors";
import { roleChoices } from "./roles";
import classes from "./People.module.css";

type Change = UseMutationResult<UserView, ApiError, UserChange>;

function saying(name: string, { role, disabled, password }: UserChange): string {
  if (role) return `${name} is now ${role}.`;
  if (password) return `The password of ${name} is set. Sessions begun with the old one have ended.`;
  return disabled ? `${name} is disabled; every token and session has ended.` : `${name} is enabled.`;
}

/** One user: role, password, and the door. */
export function UserRow({ user, isSelf }: { user: UserView; isSelf: boolean }) {
  const client = useQueryClient();
  const change: Change = useMutation({
    mutationFn: (wanted: UserChange) => changeUser(user.name, wanted),
    onSuccess: (_, wanted) => announce(saying(user.name, wanted)),
    onSettled: () => Promise.all([client.invalidateQueries({ queryKey: ["people"] }), client.invalidateQueries({ queryKey: ["session"] })]),
  });
  const path = `/api/v1/users/${user.name}`;
  const role = change.isPending && change.variables.role ? change.variables.role : user.role;
  const rest = restOf(change.error, ["password"]);
  return (
    <li className={classes.user} aria-label={user.name}>
      <div className={classes.who}>
        <h3>{user.name}</h3>
        <span className={classes.dim}>
          {isSelf && "you, "}
          {user.disabled ? "disabled" : user.has_password ? "has a password" : "no password"}, added <time title={absolute(user.created_at)}>{moment(user.created_at)}</time>
        </span>
      </div>
      <div className={classes.actions}>
        <Select
          aria-label={`Role of ${user.name}`}
          size="xs"
          w={120}
          allowDeselect={false}
          data={roleChoices("admin")}
          value={role}
          onChange={(value) => value && value !== user.role && change.mutate({ role: value as Role })}
        />
        <CopyCurl method="PATCH" path={path} body={{ role }} what={`set the role of ${user.name}`} />
        <SetPassword user={user} path={path} change={change} />
        {user.disabled ? (
          <>
            <Button variant="default" size="xs" aria-label={`Enable ${user.name}`} loading={change.isPending} onClick={() => change.mutate({ disabled: false })}>
              Enable
            </Button>
            <CopyCurl method="PATCH" path={path} body={{ disabled: false }} what={`enable ${user.name}`} />
          </>
        ) : (
          <AskOnce
            label="Disable"
            name={`Disable ${user.name}`}
            question={`Disable ${user.name}? Every token and session of ${isSelf ? "yours, this one too," : "this user"} ends at once. Runs go on, and the user can be enabled again; tokens stay revoked.`}
            yes="Disable"
            curl={{ method: "PATCH", path, body: { disabled: true }, what: `disable ${user.name}` }}
            loading={change.isPending && change.variables.disabled === true}
            onYes={() => change.mutate({ disabled: true })}
          />
        )}
      </div>
      {rest && <ProblemAlert error={rest} />}
    </li>
  );
}

/** The placeholder is too short to become a password by mistake. */
function SetPassword({ user, path, change }: { user: UserView; path: string; change: Change }) {
  const [open, setOpen] = useState(false);
  const [password, setPassword] = useState("");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    change.mutate(
      { password },
      {
        onSuccess: () => {
          setOpen(false);
          setPassword("");
        },
      },
    );
  };
  return (
    <Popover opened={open} onChange={setOpen} width={280} position="bottom-end" shadow="md" withArrow trapFocus returnFocus withRoles={false}>
      <Popover.Target>
        <Button variant="default" size="xs" aria-haspopup="dialog" aria-expanded={open} aria-label={`Set password of ${user.name}`} onClick={() => setOpen(!open)}>
          Set password
        </Button>
      </Popover.Target>
      <Popover.Dropdown role="dialog" aria-label={`Password of ${user.name}`}>
        <form className={classes.popup} onSubmit={submit}>
          <input type="hidden" name="username" autoComplete="username" value={user.name} />
          <PasswordInput
            label={`New password of ${user.name}`}
            description="At least 10 characters. Sessions begun with the old one end."
            autoComplete="new-password"
            required
            withAsterisk={false}
            value={password}
            error={fieldError(change.error, "password")}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <Group gap="xs">
            <Button type="submit" size="xs" loading={change.isPending}>
              Set it
            </Button>
            <CopyCurl method="PATCH" path={path} body={{ password: "PASSWORD" }} what={`set the password of ${user.name}`} />
          </Group>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
