import { Button, Select, Skeleton, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import type { ApiError } from "../../api/client";
import { createToken, revokeToken, tokensQuery, type Role } from "../../api/people";
import type { NewToken, Session, TokenView } from "../../api/types";
import { announce } from "../../parts/Announcer";
import { AskOnce } from "../../parts/AskOnce";
import { CopyCurl } from "../../parts/CopyCurl";
import { ProblemAlert } from "../../parts/Problem";
import table from "../../parts/Table.module.css";
import { absolute, ago, moment, useNow } from "../../parts/time";
import { fieldError, restOf } from "./fieldErrors";
import { roleChoices, ROLES } from "./roles";
import { SecretOnce } from "./SecretOnce";
import classes from "./People.module.css";

const LIFETIMES = [
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "365", label: "1 year" },
  { value: "0", label: "never" },
];

/** API tokens: one's own, and for an admin everybody's. */
export function Tokens({ session }: { session: Session }) {
  const { data, error, refetch } = useQuery(tokensQuery);
  return (
    <div className={classes.part}>
      <h2>API tokens</h2>
      <p className={classes.lead}>
        For scripts, notebooks and the <code>copd</code> command: sent as <code>Authorization: Bearer …</code>. A token can never do more than the user it belongs to.
        {session.role === "admin" && " You see everybody’s."}
      </p>
      <CreateToken session={session} />
      {error && !data && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={160} role="group" aria-label="Loading the tokens" />}
      {data?.tokens.length === 0 && <p className={table.none}>There is no token. Whoever signs in here by browser needs none.</p>}
      {data && data.tokens.length > 0 && <TokenTable tokens={data.tokens} />}
    </div>
  );
}

function CreateToken({ session }: { session: Session }) {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>(session.role);
  const [days, setDays] = useState("90");
  const make = useMutation<NewToken, ApiError>({
    mutationFn: () => createToken(name, role, Number(days) || null),
    onSuccess: (made) => {
      announce(`The token ${made.name} is made. Its value is shown this once.`);
      setName("");
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["people"] }),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    make.mutate();
  };
  const rest = restOf(make.error, ["name", "role", "days"]);
  return (
    <>
      <form className={classes.form} onSubmit={submit} aria-label="Make a token">
        <TextInput
          label="What it is for"
          placeholder="notebook"
          required
          withAsterisk={false}
          maxLength={120}
          value={name}
          error={fieldError(make.error, "name")}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Select label="Role" w={140} allowDeselect={false} data={roleChoices(session.role)} value={role} error={fieldError(make.error, "role")} onChange={(value) => setRole(value as Role)} />
        <Select label="Expires in" w={130} allowDeselect={false} data={LIFETIMES} value={days} error={fieldError(make.error, "days")} onChange={(value) => setDays(value ?? "90")} />
        <div className={classes.formEnd}>
          <Button type="submit" loading={make.isPending}>
            Make token
          </Button>
          <CopyCurl method="POST" path="/api/v1/tokens" body={{ name: name || "notebook", role, ...(Number(days) && { days: Number(days) }) }} what="make a token" />
        </div>
      </form>
      <p className={classes.dim}>
        {role}: {ROLES[role].may}.
      </p>
      {rest && <ProblemAlert error={rest} />}
      {make.data && <SecretOnce what={`The token ${make.data.name}`} value={make.data.value} use="Put it into COPD_TOKEN, or send it as a bearer token." onDone={() => make.reset()} />}
    </>
  );
}

function TokenTable({ tokens }: { tokens: readonly TokenView[] }) {
  const client = useQueryClient();
  const now = useNow(10_000);
  const revoke = useMutation<void, ApiError, TokenView>({
    mutationFn: async ({ id }) => {
      await revokeToken(id);
    },
    onSuccess: (_, { name }) => announce(`The token ${name} is revoked.`),
    onSettled: () => client.invalidateQueries({ queryKey: ["people"] }),
  });
  return (
    <>
      {revoke.error && <ProblemAlert error={revoke.error} />}
      <div className={table.scroll} tabIndex={0} role="region" aria-label="Tokens">
        <table className={table.table}>
          <thead>
            <tr>
              <th scope="col">For</th>
              <th scope="col">User</th>
              <th scope="col">Role</th>
              <th scope="col">Made</th>
              <th scope="col">Last used</th>
              <th scope="col">Expires</th>
              <th scope="col">
                <span className="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {tokens.map((token) => (
              <tr key={token.id}>
                <th scope="row">{token.name || "–"}</th>
                <td>{token.user}</td>
                <td>{token.role}</td>
                <td title={absolute(token.created_at)}>{moment(token.created_at)}</td>
                <td title={token.used_at ? absolute(token.used_at) : undefined}>{token.used_at ? ago(token.used_at, now) : "never"}</td>
                <td title={token.expires_at ? absolute(token.expires_at) : undefined}>{token.expires_at ? moment(token.expires_at) : "never"}</td>
                <td>
                  <div className={classes.actions}>
                    <AskOnce
                      label="Revoke"
                      name={`Revoke the token ${token.name}`}
                      question={`Revoke the token “${token.name}” of ${token.user}? Whatever uses it is shut out within seconds, for good.`}
                      yes="Revoke"
                      curl={{ method: "DELETE", path: `/api/v1/tokens/${token.id}`, what: `revoke the token ${token.name}` }}
                      loading={revoke.isPending && revoke.variables.id === token.id}
                      onYes={() => revoke.mutate(token)}
                    />
                  </div>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
