import { Alert, Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { waysInQuery } from "../../api/queries";
import { useUrl } from "../../app/router";
import classes from "./LoginPage.module.css";

/** The way over the provider, where the server has one, and why it did not work the last time. A plain link: the browser itself goes. */
export function SingleSignOn() {
  const ways = useQuery(waysInQuery).data;
  const { pathname, search } = useUrl();
  if (!ways?.single_sign_on) return null;
  const page = encodeURIComponent((pathname + search).replaceAll("\\", "%5C"));
  return (
    <>
      {ways.problem && (
        <Alert color="red" variant="light" role="alert" className={classes.problem ?? ""}>
          {ways.problem}
        </Alert>
      )}
      <Button component="a" href={`/api/v1/session/oidc?page=${page}`} size="md" fullWidth variant="default">
        Continue with {ways.single_sign_on}
      </Button>
      <div className={classes.or}>or by password</div>
    </>
  );
}
