import { Button, Group, Stack, TagsInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { tagRuns, tagsQuery } from "../../api/runs";
import type { RunSummary } from "../../api/types";
import { announce } from "../../parts/Announcer";
import { CopyCurl } from "../../parts/CopyCurl";
import { Dialog } from "../../parts/Dialog";
import { ProblemAlert } from "../../parts/Problem";
import { Answers, useOpenedWith } from "./Answers";
import { many } from "./bulk";

/** Gives all selected runs tags, and takes tags from them; their other tags stay. */
export function TagsDialog({ runs: selected, onClose }: { runs: readonly RunSummary[]; onClose: () => void }) {
  const runs = useOpenedWith(selected);
  const client = useQueryClient();
  const known = (useQuery(tagsQuery).data ?? []).map(({ tag }) => tag);
  const ids = runs.map(({ id }) => id);
  const theirs = [...new Set(runs.flatMap(({ tags }) => tags))];
  const [add, setAdd] = useState<string[]>([]);
  const [remove, setRemove] = useState<string[]>([]);
  const act = useMutation({
    mutationFn: () => tagRuns(ids, add, remove),
    onSuccess: (results) => {
      const refused = results.filter(({ error }) => error).length;
      announce(`The tags of ${many(results.length - refused)} are changed.`);
      if (refused === 0) onClose();
      return client.invalidateQueries({ queryKey: ["runs"] });
    },
  });
  const shared = { maxTags: 32, maxLength: 40, openOnFocus: false, comboboxProps: { withinPortal: false } }; // passing by, the list would cover the buttons
  return (
    <Dialog onClose={onClose} title={`Tags of ${many(runs.length)}`}>
      {act.error && <ProblemAlert error={act.error} />}
      {act.data ? (
        <Answers runs={runs} answers={act.data.map(({ run, error }) => ({ run, text: error ?? "has its tags", isError: !!error }))} />
      ) : (
        <Stack gap="md">
          <TagsInput label="Add" placeholder="Type, then Enter" data={known} value={add} onChange={setAdd} {...shared} data-autofocus />
          {theirs.length > 0 && <TagsInput label="Remove" placeholder="Choose" data={theirs} value={remove} onChange={setRemove} {...shared} />}
        </Stack>
      )}
      <Group gap="xs" mt="md">
        {!act.data && (
          <Button disabled={add.length + remove.length === 0} loading={act.isPending} onClick={() => act.mutate()}>
            Change tags of {many(runs.length)}
          </Button>
        )}
        <Button variant="default" onClick={onClose}>
          {act.data ? "Close" : "Keep as they are"}
        </Button>
        {!act.data && <CopyCurl method="POST" path="/api/v1/runs/tags" body={{ runs: ids, add, remove }} what="change the tags" />}
      </Group>
    </Dialog>
  );
}
