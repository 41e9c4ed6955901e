import { Button, Group, Loader, Progress } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { deleteRun } from "../../api/actions";
import type { RunDeletion, RunSummary } from "../../api/types";
import { announce } from "../../parts/Announcer";
import { CopyCurl } from "../../parts/CopyCurl";
import { Dialog } from "../../parts/Dialog";
import { bytes, count } from "../../parts/numbers";
import { Answers, useOpenedWith, type Answer } from "./Answers";
import { DEEDS, each, many, sorted } from "./bulk";
import { whyNot } from "./selection";

interface Props {
  runs: readonly RunSummary[];
  onClose: () => void;
  onDeleted: () => void;
}

/** Asks once, with what would go by the server's dry run; then deletes one after the other and says what became of each. */
export function DeleteDialog({ runs: selected, onClose, onDeleted }: Props) {
  const runs = useOpenedWith(selected);
  const client = useQueryClient();
  const [done, setDone] = useState(0);
  const { can, cannot } = sorted("delete", runs);
  const ids = can.map(({ id }) => id);
  const preview = useQuery({
    queryKey: ["deletions", ids], // not below "runs", which is asked for again once they are gone
    queryFn: () => each(ids, (id) => deleteRun(id, true), () => undefined),
    enabled: ids.length > 0,
    staleTime: Infinity,
    gcTime: 0,
  });
  const act = useMutation({
    mutationFn: () => each(ids, (id) => deleteRun(id, false), setDone),
    onSuccess: (answers) => {
      announce(`${many(answers.filter((answer) => !(answer instanceof Error)).length)} deleted.`);
      return client.invalidateQueries({ queryKey: ["runs"] });
    },
  });
  const close = (): void => {
    if (act.data) onDeleted();
    onClose();
  };
  return (
    <Dialog onClose={close} title={`Delete ${many(ids.length)}?`}>
      {act.data ? (
        <Answers runs={runs} answers={act.data.map((answer, i) => told(ids[i] ?? "", answer))} />
      ) : (
        <>
          {preview.isLoading && <Loader role="status" size="sm" aria-label="Looking what would go" />}
          {preview.data && <p>{extent(preview.data)}</p>}
          {cannot.length > 0 && <p>{`${many(cannot.length)} ${cannot.length === 1 ? "is" : "are"} not over and will be left alone: ${whyNot(cannot)}. Cancel them first.`}</p>}
          {act.isPending && <Progress value={(100 * done) / ids.length} aria-label={`${done} of ${ids.length} deleted`} />}
        </>
      )}
      <Group gap="xs" mt="md">
        {!act.data && (
          <Button color="red" disabled={!preview.data} loading={act.isPending} onClick={() => act.mutate()}>
            Delete {many(ids.length)} for good
          </Button>
        )}
        <Button variant="default" onClick={close} disabled={act.isPending}>
          {act.data ? "Close" : "Keep"}
        </Button>
        {/* curl asks once for each in the braces. */}
        {!act.data && ids.length > 0 && <CopyCurl method="DELETE" path={`/api/v1/runs/{${ids.join()}}`} what="delete the runs" />}
      </Group>
    </Dialog>
  );
}

/** All that would go, added up. */
function extent(answers: readonly (RunDeletion | Error)[]): string {
  const known = answers.filter((answer): answer is RunDeletion => !(answer instanceof Error));
  const rows = known.reduce((sum, answer) => sum + Object.values(answer.rows).reduce((a, b) => a + b, 0), 0);
  const files = known.reduce((sum, answer) => sum + answer.bytes, 0);
  const unknown = answers.length - known.length;
  return `${count(rows)} rows – numbers, log, answers, edits – and ${bytes(files)} of checkpoints and exports go.${unknown ? ` Of ${many(unknown)} it is not known.` : ""} ${DEEDS.delete.note}`;
}

function told(run: string, answer: RunDeletion | Error): Answer {
  return answer instanceof Error ? { run, text: answer.message, isError: true } : { run, text: DEEDS.delete.done, isError: false };
}
