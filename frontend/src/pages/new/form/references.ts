/** Names that people give are used elsewhere in the spec: what is renamed or removed is so there too. Pure. */
import { read } from "../yaml/read";
import type { Mapping } from "../yaml/scalars";
import { removeAt, renameAt, setAt } from "../yaml/write";
import { at, isMapping } from "./shape";

type Path = readonly string[];

/** Values that are the name of a domain or an expert. */
function valuesOf(data: Mapping, kind: string, name: string): Path[] {
  const inside = (table: string): Path[] => Object.keys(isMapping(data[table]) ? data[table] : {}).map((key) => [table, key, "domain"]);
  const places = kind === "domains" ? [...inside("experts"), ...inside("teachers")] : kind === "experts" ? [["opd", "hub"], ["opd", "student"]] : [];
  return places.filter((path) => at(data, path) === name);
}

/** Keys that are the name of an expert or a teacher, inner ones first. */
function keysOf(data: Mapping, kind: string, name: string): Path[] {
  if (kind !== "experts" && kind !== "teachers") return [];
  const found: Path[] = [];
  for (const table of ["w", "w_schedule"]) {
    const rows = at(data, [table]);
    for (const student of Object.keys(isMapping(rows) ? rows : {})) if (at(data, [table, student, name]) !== undefined) found.push([table, student, name]);
    if (at(data, [table, name]) !== undefined) found.push([table, name]);
  }
  if (at(data, ["merge", "weights", name]) !== undefined) found.push(["merge", "weights", name]);
  return found;
}

export function renamed(source: string, kind: string, name: string, to: string): string {
  const { data } = read(source);
  let text = renameAt(source, [...kind.split("."), name], to);
  for (const path of valuesOf(data, kind, name)) text = setAt(text, path, to);
  for (const path of keysOf(data, kind, name)) text = renameAt(text, path, to);
  return text;
}

/** `kind`: the path of the mapping that the entry is in. Without the entry and the weights of its edges. An expert whose domain goes keeps its name for it: the server says what is missing. */
export function removed(source: string, kind: string, name: string): string {
  const { data } = read(source);
  if (kind === "merge.weights") return removedWithParents(source, [...kind.split("."), name]); // {} would be a setting, which not every method takes
  let text = removeAt(source, [...kind.split("."), name]);
  for (const path of keysOf(data, kind, name)) text = removedWithParents(text, path);
  return text;
}

/** Takes a field out, and with it every mapping around it that is empty then. */
export function removedWithParents(source: string, path: Path): string {
  let text = removeAt(source, path);
  for (let depth = path.length - 1; depth > 0; depth -= 1) {
    const parent = at(read(text).data, path.slice(0, depth));
    if (!isMapping(parent) || Object.keys(parent).length) break;
    text = removeAt(text, path.slice(0, depth));
  }
  return text;
}

/** `name`, or `name-2` … where it is taken. */
export function freeName(name: string, taken: readonly string[]): string {
  let free = name;
  for (let number = 2; taken.includes(free); number += 1) free = `${name}-${number}`;
  return free;
}
