import { Button, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { templatesQuery } from "../../api/queries";
import { Link, navigate } from "../../app/router";
import { useMaySteer } from "../../app/useMaySteer";
import { ProblemAlert } from "../../parts/Problem";
import { useSubmit } from "../new/useSubmit";
import { Centered } from "../problems/Centered";

const EXAMPLE = "three-experts";

/** The first visit: one button that starts the example. */
export function NoRuns() {
  const templates = useQuery(templatesQuery);
  const example = templates.data?.templates.find((t) => t.name === EXAMPLE) ?? templates.data?.templates[0];
  const maySteer = useMaySteer();
  const submit = useSubmit((run) => navigate(`/runs/${run.id}`));
  return (
    <Centered title="No runs yet">
      <p>
        The example trains three experts of one small model – text, image and video – that teach each other as they learn. It takes some minutes on a
        laptop, and you can steer it while it trains.
      </p>
      {maySteer && (
        <Group mt="sm" gap="sm" justify="center">
          <Button loading={submit.isPending} disabled={!example} onClick={() => example && submit.mutate(example.source)}>
            Run the example
          </Button>
          <Button component={Link} href="/new" variant="default">
            Write a spec
          </Button>
        </Group>
      )}
      {submit.error && <ProblemAlert error={submit.error} />}
    </Centered>
  );
}
