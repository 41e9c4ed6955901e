import { ActionIcon, TagsInput } from "@mantine/core";
import { useState } from "react";
import { Icon } from "../../parts/Icon";
import { Tags } from "../../parts/Tags";
import classes from "./RunHeader.module.css";

export function TagsEditor({ tags, onSave }: { tags: string[]; onSave: (tags: string[]) => void }) {
  const [draft, setDraft] = useState<string[] | null>(null);
  const save = (): void => {
    if (draft && draft.join("\n") !== tags.join("\n")) onSave(draft);
    setDraft(null);
  };
  if (draft) {
    return <TagsInput aria-label="Tags" size="xs" placeholder="Type, then Enter" value={draft} onChange={setDraft} onBlur={save} maxTags={32} maxLength={40} autoFocus w={280} />;
  }
  return (
    <span className={classes.tags}>
      <Tags tags={tags} />
      <ActionIcon variant="subtle" color="gray" size={24} aria-label="Edit tags" onClick={() => setDraft(tags)}>
        <Icon name={tags.length ? "edit" : "plus"} size={14} />
      </ActionIcon>
      {tags.length === 0 && <span aria-hidden="true">tag</span>}
    </span>
  );
}
