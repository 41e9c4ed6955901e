import { Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { sessionQuery } from "../../api/queries";
import { useParam } from "../../app/router";
import { PageHead } from "../../parts/PageHead";
import { useTitle } from "../../parts/useTitle";
import { Audit } from "./Audit";
import { ROLES } from "./roles";
import { Tokens } from "./Tokens";
import { Users } from "./Users";
import { Webhooks } from "./Webhooks";
import classes from "./People.module.css";

const ADMINS = [
  ["users", "Users", Users],
  ["webhooks", "Webhooks", Webhooks],
  ["audit", "Audit log", Audit],
] as const;

/** Who may come in and by what. Everybody sees their own tokens; the rest is for admins. */
export function PeoplePage() {
  useTitle("Users and tokens");
  const { data: session } = useQuery(sessionQuery);
  const [wanted, setTab] = useParam("tab", "tokens");
  if (!session) return null;
  const parts = [["tokens", "Tokens", Tokens] as const, ...(session.role === "admin" ? ADMINS : [])];
  const tab = parts.some(([value]) => value === wanted) ? wanted : "tokens";
  return (
    <>
      <PageHead title="Users and tokens" />
      <p className={classes.lead}>
        You are <strong>{session.user}</strong>, {ROLES[session.role].what}: {ROLES[session.role].may}.
        {session.role !== "admin" && " Users, webhooks and the audit log are for admins; here are the tokens that are yours."}
      </p>
      <Tabs value={tab} onChange={(next) => setTab(next ?? "tokens")} keepMounted={false} color="var(--link)">
        <Tabs.List aria-label="Parts of users and tokens">
          {parts.map(([value, name]) => (
            <Tabs.Tab key={value} value={value}>
              {name}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {parts.map(([value, , Part]) => (
          <Tabs.Panel key={value} value={value} pt="lg">
            <Part session={session} />
          </Tabs.Panel>
        ))}
      </Tabs>
    </>
  );
}
