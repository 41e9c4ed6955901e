/** What every field of the form reads and does. */
import { createContext, useContext } from "react";
import type { Mapping, Plain } from "../yaml/scalars";
import { at, isEqual, type Field } from "./shape";

export interface Form {
  fields: readonly Field[];
  data: Mapping;
  /** What the text started from; null while that is not known. */
  origin: Mapping | null;
  /** Path → what the server says is wrong there. */
  problems: ReadonlyMap<string, readonly string[]>;
  /** (student, teacher), as the server last said. */
  edges: readonly (readonly string[])[];
  search: string;
  onlyChanged: boolean;
  set: (path: readonly string[], value: Plain, written?: string) => void;
  /** Back to the default. */
  reset: (path: readonly string[]) => void;
  rename: (kind: string, name: string, to: string) => void;
  remove: (kind: string, name: string) => void;
}

const FormContext = createContext<Form | null>(null);
export const FormProvider = FormContext.Provider;

export function useForm(): Form {
  const form = useContext(FormContext);
  if (!form) throw new Error("a field stands outside its form");
  return form;
}

export const pathName = (path: readonly string[]): string => path.join(".");

/** Whether something is wrong at the path or below it. */
export function hasProblem(form: Form, path: readonly string[]): boolean {
  const name = pathName(path);
  return [...form.problems.keys()].some((key) => key === name || key.startsWith(`${name}.`));
}

export function isChanged(form: Form, path: readonly string[]): boolean {
  return form.origin !== null && !isEqual(at(form.data, path), at(form.origin, path));
}

/** Whether the search finds the field by its path, its name or its help. */
export function isFound(form: Form, field: Field, path: readonly string[]): boolean {
  const wanted = form.search.toLowerCase();
  return [pathName(path), field.label, field.help].some((text) => text.toLowerCase().includes(wanted));
}

/** Whether the field, or one inside it, passes the search and the filter; null where there is none of both. */
export function passes(form: Form, field: Field, path: readonly string[]): boolean | null {
  if (!form.search && !form.onlyChanged) return null;
  if (form.onlyChanged && !isChanged(form, path)) return false;
  return !form.search || isFound(form, field, path) || inner(form, field, path).some(([each, where]) => isFound(form, each, where));
}

function inner(form: Form, { shape }: Field, path: readonly string[]): [Field, readonly string[]][] {
  const value = at(form.data, path);
  if (shape.kind === "part") return all(form, shape.fields, path);
  if (shape.kind === "variants") return all(form, shape.variants.find((variant) => variant.name === at(value, [shape.tag]))?.fields ?? [], path);
  if (shape.kind !== "named" || typeof value !== "object" || value === null) return [];
  return Object.keys(value).flatMap((name) => {
    const entry: Field = { name, label: name, help: "", edit: null, required: false, optional: false, fallback: undefined, shape: shape.item };
    return [[entry, [...path, name]] as [Field, readonly string[]], ...inner(form, entry, [...path, name])];
  });
}

function all(form: Form, fields: readonly Field[], path: readonly string[]): [Field, readonly string[]][] {
  return fields.flatMap((field) => [[field, [...path, field.name]] as [Field, readonly string[]], ...inner(form, field, [...path, field.name])]);
}
