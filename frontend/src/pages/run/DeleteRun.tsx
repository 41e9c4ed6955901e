import { Button, Group, Loader } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { deleteRun } from "../../api/actions";
import type { Run } from "../../api/types";
import { navigate } from "../../app/router";
import { announce } from "../../parts/Announcer";
import { CopyCurl } from "../../parts/CopyCurl";
import { Dialog } from "../../parts/Dialog";
import { bytes, count } from "../../parts/numbers";
import { ProblemAlert } from "../../parts/Problem";

/** Asks once, with what would go as the server's dry run says. */
export function DeleteRun({ run, onClose }: { run: Run; onClose: () => void }) {
  const client = useQueryClient();
  const preview = useQuery({ queryKey: ["run", run.id, "deletion"], queryFn: () => deleteRun(run.id, true), staleTime: 0 });
  const remove = useMutation({
    mutationFn: () => deleteRun(run.id, false),
    onSuccess: () => {
      announce(`${run.name} is deleted.`);
      navigate("/");
      // not what is still on the page: it would be asked for once more before it goes
      client.removeQueries({ queryKey: ["run", run.id], type: "inactive" });
      void client.invalidateQueries({ queryKey: ["runs"] });
    },
  });
  const error = preview.error ?? remove.error;
  const rows = Object.values(preview.data?.rows ?? {}).reduce((sum, n) => sum + n, 0);
  return (
    <Dialog title={`Delete ${run.name}?`} onClose={onClose}>
      {error && <ProblemAlert error={error} />}
      {preview.isPending && <Loader role="status" size="sm" aria-label="Looking what would go" />}
      {preview.data && (
        <p>
          Its {count(rows)} rows – numbers, log, answers, edits – and {bytes(preview.data.bytes)} of checkpoints and exports go. There is no way back.
        </p>
      )}
      <Group gap="xs" mt="md">
        <Button color="red.9" disabled={!preview.data} loading={remove.isPending} onClick={() => remove.mutate()}>
          Delete for good
        </Button>
        <Button variant="default" onClick={onClose}>
          Keep
        </Button>
        <CopyCurl method="DELETE" path={`/api/v1/runs/${run.id}`} what="delete the run" />
      </Group>
    </Dialog>
  );
}
