import { ActionIcon, Button, Tooltip } from "@mantine/core";
import type { ReactNode } from "react";
import { Icon } from "../parts/Icon";
import { Shortcuts } from "../shortcuts/Shortcuts";
import { Announcer } from "../parts/Announcer";
import { AccountMenu } from "./AccountMenu";
import { Link, match, useUrl } from "./router";
import { useMaySteer } from "./useMaySteer";
import { useScheme } from "./useScheme";
import classes from "./Shell.module.css";

function NavLink({ href, active, children }: { href: string; active: boolean; children: ReactNode }) {
  return (
    <Link href={href} className={classes.nav} aria-current={active ? "page" : undefined}>
      {children}
    </Link>
  );
}

function SchemeSwitch() {
  const { scheme, other, change } = useScheme();
  return (
    <Tooltip label={`Switch to ${other}`}>
      <ActionIcon variant="subtle" color="gray" size={36} className={classes.scheme ?? ""} aria-label={`Switch to ${other} theme`} onClick={change}>
        <Icon name={scheme === "dark" ? "sun" : "moon"} />
      </ActionIcon>
    </Tooltip>
  );
}

/** The frame of every page: where one is, where one can go, and the one thing one can start. */
export function Shell({ user, children }: { user: string; children: ReactNode }) {
  const { pathname } = useUrl();
  const maySteer = useMaySteer();
  return (
    <>
      <a href="#main" className={classes.skip}>
        Skip to content
      </a>
      <header className={classes.header}>
        <div className={classes.bar}>
          <Link href="/" className={classes.brand} aria-label="CoPD, all runs">
            <img src="/icon.svg" alt="" width={24} height={24} />
            <span>CoPD</span>
          </Link>
          <nav aria-label="Main" className={classes.navs}>
            <NavLink href="/" active={pathname === "/" || match("/runs/:id", pathname) !== null}>
              Runs
            </NavLink>
            <NavLink href="/compare" active={pathname === "/compare"}>
              Compare
            </NavLink>
            <NavLink href="/workers" active={pathname === "/workers"}>
              Workers
            </NavLink>
          </nav>
          <div className={classes.end}>
            <AccountMenu user={user} />
            <SchemeSwitch />
            {maySteer && (
              <Button component={Link} href="/new" size="sm" className={classes.new ?? ""} leftSection={<Icon name="plus" size={16} />}>
                New run
              </Button>
            )}
          </div>
        </div>
      </header>
      <main id="main" tabIndex={-1} className={classes.main}>
        {children}
      </main>
      <Announcer />
      <Shortcuts />
    </>
  );
}
