/** A field of the form becomes a change of the text. Pure. */
import { read } from "../yaml/read";
import type { Plain } from "../yaml/scalars";
import { removeAt, setAt } from "../yaml/write";
import { at, fieldsAt, isMapping, type Field } from "./shape";

type Path = readonly string[];

export function withField(source: string, fields: readonly Field[], path: Path, value: Plain, written?: string): string {
  const { data } = read(source);
  return setAt(source, path, value, (inside) => orderAt(fields, inside, data), written);
}

/** Without the field, and without the parts around it that say nothing then. Entries that people named stay, and parts that are switched on. */
export function withoutField(source: string, fields: readonly Field[], path: Path): string {
  let text = removeAt(source, path);
  for (let depth = path.length - 1; depth > 0; depth -= 1) {
    const parent = path.slice(0, depth);
    const { data } = read(text);
    const value = at(data, parent);
    if (!isMapping(value) || Object.keys(value).length || !mayVanish(fields, parent, data)) break;
    text = removeAt(text, parent);
  }
  return text;
}

function mayVanish(fields: readonly Field[], path: Path, data: Plain): boolean {
  if (path[0] === "w" || path[0] === "w_schedule") return true;
  const field = fieldsAt(fields, path.slice(0, -1), data).find((each) => each.name === path.at(-1));
  return field?.shape.kind === "part" && !field.optional;
}

/** The tag of a variant comes first, the rest as in the schema. */
function orderAt(fields: readonly Field[], path: Path, data: Plain): string[] {
  const names = fieldsAt(fields, path, data).map((field) => field.name);
  return names.length ? ["source", "kind", ...names] : [];
}
