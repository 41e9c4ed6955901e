import { useId, useState } from "react";
import { Icon } from "../../../parts/Icon";
import { Wrong } from "./FieldRow";
import { Control } from "./Control";
import { passes, pathName, useForm } from "./FormContext";
import { Fields, VariantFields } from "./Parts";
import { freeName } from "./references";
import { at, isMapping, type Field, type Shape } from "./shape";
import classes from "./Form.module.css";

const NOUNS: Record<string, string> = { domains: "domain", experts: "expert", teachers: "teacher", tasks: "task", weights: "weight" };
const FIRST = ["tasks", "path", "max_new_tokens", "domain"];

const entryField = (name: string, item: Shape): Field => ({ name, label: name, help: "", edit: null, required: false, optional: false, fallback: undefined, shape: item });

function startOf(item: Shape, path: readonly string[], domains: readonly string[]) {
  if (item.kind === "variants") return { [item.tag]: item.variants[0]?.name ?? "" };
  if (item.kind === "part" && item.fields.some((field) => field.name === "domain")) return { domain: domains.at(-1) ?? "" };
  return item.kind === "named" ? {} : item.kind === "number" ? 1 : path.length ? {} : "";
}

/** A name that can be typed over. What is not a free name is not taken. */
function NameInput({ path, name, taken, label }: { path: readonly string[]; name: string; taken: readonly string[]; label: string }) {
  const form = useForm();
  const [typed, setTyped] = useState<string | null>(null);
  const wanted = typed?.trim() ?? name;
  const isTaken = wanted !== name && taken.includes(wanted);
  const id = useId();
  const save = (): void => {
    if (wanted && wanted !== name && !isTaken) form.rename(pathName(path), name, wanted);
    setTyped(null);
  };
  return (
    <span className={classes.nameOf}>
      <input
        type="text"
        autoComplete="off"
        spellCheck={false}
        className={classes.input}
        aria-label={label}
        aria-describedby={isTaken ? id : undefined}
        aria-invalid={isTaken || undefined}
        value={typed ?? name}
        onChange={(event) => setTyped(event.currentTarget.value)}
        onBlur={save}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) save();
          if (event.key === "Escape") setTyped(null);
        }}
      />
      {isTaken && <Wrong id={id} messages={[`there is another “${wanted}”`]} />}
    </span>
  );
}

/** Parts under names: domains, experts, teachers, tasks. Names can be changed, and what uses them follows. */
export function NamedParts({ path, item }: { path: readonly string[]; item: Shape }) {
  const form = useForm();
  const entries = at(form.data, path);
  const names = Object.keys(isMapping(entries) ? entries : {});
  const noun = NOUNS[path.at(-1) ?? ""] ?? "entry";
  const domains = Object.keys(isMapping(form.data["domains"]) ? form.data["domains"] : {});
  const shown = names.filter((name) => passes(form, entryField(name, item), [...path, name]) !== false);
  const isPlain = !form.search && !form.onlyChanged;
  return (
    <>
      {shown.map((name) => (
        <div key={names.indexOf(name)} role="group" aria-label={`${noun} ${name}`} className={classes.card} data-field={pathName([...path, name])}>
          <div className={classes.cardHead}>
            <NameInput path={path} name={name} taken={names} label={`Name of ${noun} ${name}`} />
            <button type="button" className={classes.iconButton} aria-label={`Remove ${noun} ${name}`} title="Remove" onClick={() => form.remove(pathName(path), name)}>
              <Icon name="x" size={16} />
            </button>
          </div>
          <Wrong messages={form.problems.get(pathName([...path, name]))} />
          {item.kind === "variants" && <VariantFields path={[...path, name]} tag={item.tag} variants={item.variants} first={FIRST} />}
          {item.kind === "part" && <Fields fields={item.fields} path={[...path, name]} first={FIRST} />}
          {item.kind === "named" && <NamedValues path={[...path, name]} item={item.item} />}
        </div>
      ))}
      {isPlain && (
        <button type="button" className={classes.add} onClick={() => form.set([...path, freeName(noun, names)], startOf(item, path, domains))}>
          <Icon name="plus" size={14} /> Add {article(noun)}
        </button>
      )}
    </>
  );
}

const article = (noun: string): string => `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;

/** Values under names: parameters of a task, weights of a merge. */
export function NamedValues({ path, item }: { path: readonly string[]; item: Shape }) {
  const form = useForm();
  const [adding, setAdding] = useState("");
  const id = useId();
  const entries = at(form.data, path);
  const names = Object.keys(isMapping(entries) ? entries : {});
  const add = (): void => {
    const name = adding.trim();
    if (name && !names.includes(name)) form.set([...path, name], item.kind === "number" || item.kind === "free" ? 1 : {});
    setAdding("");
  };
  return (
    <div className={classes.pairs}>
      {names.map((name) => {
        const inside = [...path, name];
        const messages = form.problems.get(pathName(inside));
        return (
          <div key={name} className={classes.pair} data-field={pathName(inside)}>
            <label htmlFor={`${id}-${name}`}>{name}</label>
            <Control id={`${id}-${name}`} field={entryField(name, item)} path={inside} value={at(form.data, inside)} described={undefined} wrong={messages !== undefined} />
            <button type="button" className={classes.iconButton} aria-label={`Remove ${name}`} onClick={() => form.remove(pathName(path), name)}>
              <Icon name="x" size={14} />
            </button>
            <Wrong messages={messages} />
          </div>
        );
      })}
      <div className={classes.pair}>
        <input
          type="text"
          autoComplete="off"
          spellCheck={false}
          className={classes.input}
          aria-label={`Name of a further value of ${path.at(-1)}`}
          placeholder="Add a name, then Enter"
          value={adding}
          onChange={(event) => setAdding(event.currentTarget.value)}
          onBlur={add}
          onKeyDown={(event) => {
            if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) add();
          }}
        />
      </div>
    </div>
  );
}
