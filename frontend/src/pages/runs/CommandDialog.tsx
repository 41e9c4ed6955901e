import { Button, Group } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { commandRuns, type BulkCommand } from "../../api/runs";
import type { RunSummary } from "../../api/types";
import { announce } from "../../parts/Announcer";
import { CopyCurl } from "../../parts/CopyCurl";
import { Dialog } from "../../parts/Dialog";
import { ProblemAlert } from "../../parts/Problem";
import { Answers, useOpenedWith } from "./Answers";
import { DEEDS, many, sorted } from "./bulk";
import { whyNot } from "./selection";

/** Asks once, with how many will and why the others cannot; then says what became of each. */
export function CommandDialog({ command, runs: selected, onClose }: { command: BulkCommand; runs: readonly RunSummary[]; onClose: () => void }) {
  const runs = useOpenedWith(selected);
  const client = useQueryClient();
  const { verb, done, note } = DEEDS[command];
  const { can, cannot } = sorted(command, runs);
  const ids = can.map(({ id }) => id);
  const act = useMutation({
    mutationFn: () => commandRuns(command, ids),
    onSuccess: (results) => {
      announce(`${many(results.filter((each) => !each.error).length)} ${done}.`);
      return client.invalidateQueries({ queryKey: ["runs"] });
    },
  });
  return (
    <Dialog onClose={onClose} title={`${verb} ${many(can.length)}?`}>
      {act.error && <ProblemAlert error={act.error} />}
      {act.data ? (
        <Answers runs={runs} answers={act.data.map(({ run, state, error }) => ({ run, text: error ?? `${done}: ${state}`, isError: !!error }))} />
      ) : (
        <>
          {can.length > 0 && <p>{note}</p>}
          {cannot.length > 0 && (
            <p>
              {can.length === 0 ? `None of them can: ${whyNot(cannot)}.` : `${many(cannot.length)} cannot and will be left alone: ${whyNot(cannot)}.`}
            </p>
          )}
        </>
      )}
      <Group gap="xs" mt="md">
        {!act.data && (
          <Button color={command === "cancel" ? "red" : "blue"} disabled={can.length === 0} loading={act.isPending} onClick={() => act.mutate()} data-autofocus>
            {verb} {many(can.length)}
          </Button>
        )}
        <Button variant="default" onClick={onClose}>
          {act.data ? "Close" : "Keep as they are"}
        </Button>
        {!act.data && can.length > 0 && <CopyCurl method="POST" path="/api/v1/runs/commands" body={{ command, runs: ids }} what={`${command} the runs`} />}
      </Group>
    </Dialog>
  );
}
