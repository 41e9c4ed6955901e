/** The form as the spec's JSON schema describes it: fields with their words, bounds and defaults. Pure. */
import type { Mapping, Plain } from "../yaml/scalars";

/** As much of a JSON schema as the one of a spec uses. */
export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  type?: string;
  const?: Plain;
  enum?: string[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  discriminator?: { propertyName: string; mapping: Record<string, string> };
  items?: Schema;
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  required?: string[];
  default?: Plain;
  description?: string;
  edit?: Edit;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  maxLength?: number;
  maxItems?: number;
}

export type Edit = "value" | "structure" | "dispatch";

export interface Variant {
  name: string;
  help: string;
  fields: Field[];
}

export type Shape =
  | { kind: "text"; long: boolean; maxLength: number | undefined }
  | { kind: "number"; whole: boolean; range: string }
  | { kind: "switch" }
  | { kind: "choice"; options: string[] }
  | { kind: "list"; item: Shape }
  /** One word, or a list. */
  | { kind: "wordOrList"; word: string }
  /** Anything, as YAML on one line. */
  | { kind: "free" }
  | { kind: "part"; help: string; fields: Field[] }
  /** One of several parts; the field `tag` says which. */
  | { kind: "variants"; tag: string; variants: Variant[] }
  /** One such variant or several, `words` also by their names alone. */
  | { kind: "several"; tag: string; variants: Variant[]; words: string[] }
  /** Parts or values under names that people give. */
  | { kind: "named"; item: Shape };

export interface Field {
  name: string;
  label: string;
  help: string;
  edit: Edit | null;
  required: boolean;
  /** Whether it may be absent altogether (null). */
  optional: boolean;
  fallback: Plain | undefined;
  /** What the fallback is called where it is not the default. */
  fallbackWord?: string;
  shape: Shape;
}

const LABELS: Record<string, string> = {
  rlvr: "RLVR",
  opd: "OPD",
  w: "Weights",
  w_schedule: "Weight schedules",
  lora: "LoRA",
  lr: "Learning rate",
  kl: "KL penalty",
  dtype: "Compute type",
  eps: "Epsilon",
  grad_clip: "Gradient clip",
  beta1: "Beta 1",
  beta2: "Beta 2",
  heldout: "Held out",
  jsd: "JSD",
};
const LONG = 5_000;

export function labelOf(name: string): string {
  const words = name.replaceAll("_", " ");
  return LABELS[name] ?? words.charAt(0).toUpperCase() + words.slice(1);
}

/** The fields of a spec. */
export function fieldsOf(root: Schema): Field[] {
  const part = new Reader(root.$defs ?? {}).shape(root);
  return part.kind === "part" ? part.fields : [];
}

class Reader {
  readonly parts: Record<string, Schema>;

  constructor(parts: Record<string, Schema>) {
    this.parts = parts;
  }

  resolve(schema: Schema): Schema {
    return schema.$ref ? (this.parts[schema.$ref.replace("#/$defs/", "")] ?? {}) : schema;
  }

  field(name: string, schema: Schema, required: boolean): Field {
    const options = schema.anyOf ?? [];
    const given = options.filter((option) => option.type !== "null");
    const isOptional = given.length < options.length;
    const bare = isOptional && given.length === 1 ? given[0]! : schema;
    return {
      name,
      label: labelOf(name),
      help: schema.description ?? "",
      edit: schema.edit ?? null,
      required,
      optional: isOptional,
      fallback: schema.default === null ? undefined : schema.default,
      shape: this.shape(bare),
    };
  }

  fields(schema: Schema, except = ""): Field[] {
    const required = new Set(schema.required);
    return Object.entries(schema.properties ?? {})
      .filter(([name]) => name !== except)
      .map(([name, inner]) => this.field(name, inner, required.has(name)));
  }

  variants(schema: Schema): Variant[] {
    const tag = schema.discriminator?.propertyName ?? "";
    return Object.entries(schema.discriminator?.mapping ?? {}).map(([name, reference]) => {
      const part = this.resolve({ $ref: reference });
      return { name, help: part.description ?? "", fields: this.fields(part, tag) };
    });
  }

  shape(given: Schema): Shape {
    const schema = this.resolve(given);
    const anyOf = schema.anyOf ?? [];
    const union = anyOf.find((option) => option.discriminator);
    if (schema.discriminator) return { kind: "variants", tag: schema.discriminator.propertyName, variants: this.variants(schema) };
    if (union?.discriminator) {
      return { kind: "several", tag: union.discriminator.propertyName, variants: this.variants(union), words: anyOf.find((option) => option.enum)?.enum ?? [] };
    }
    const word = anyOf.find((option) => typeof option.const === "string")?.const;
    if (typeof word === "string") return { kind: "wordOrList", word };
    if (schema.enum) return { kind: "choice", options: schema.enum };
    switch (schema.type) {
      case "boolean":
        return { kind: "switch" };
      case "integer":
      case "number":
        return { kind: "number", whole: schema.type === "integer", range: rangeOf(schema) };
      case "string":
        return { kind: "text", long: (schema.maxLength ?? 0) >= LONG, maxLength: schema.maxLength };
      case "array":
        return { kind: "list", item: this.shape(schema.items ?? {}) };
      case "object":
        return this.object(schema);
      default:
        return { kind: "free" };
    }
  }

  object(schema: Schema): Shape {
    if (schema.properties) return { kind: "part", help: schema.description ?? "", fields: this.fields(schema) };
    if (typeof schema.additionalProperties === "object") return { kind: "named", item: this.shape(schema.additionalProperties) };
    return { kind: "named", item: { kind: "free" } };
  }
}

/** "1 to 64", "above 0", "at least 0 and below 1". */
function rangeOf({ minimum, maximum, exclusiveMinimum: above, exclusiveMaximum: below }: Schema): string {
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum.toLocaleString("en")}`;
  const low = minimum !== undefined ? `at least ${minimum}` : above !== undefined ? `above ${above}` : "";
  const high = maximum !== undefined ? `at most ${maximum.toLocaleString("en")}` : below !== undefined ? `below ${below.toLocaleString("en")}` : "";
  return [low, high].filter(Boolean).join(" and ");
}

/** The fields of the mapping at `path`; of a union those of the variant that `data` names. */
export function fieldsAt(fields: readonly Field[], path: readonly string[], data: Plain): readonly Field[] {
  let shape: Shape = { kind: "part", help: "", fields: [...fields] };
  let value: Plain | undefined = data;
  for (const name of path) {
    shape = shape.kind === "named" ? shape.item : (fieldsOfShape(shape, value).find((field) => field.name === name)?.shape ?? { kind: "free" });
    value = at(value, [name]);
  }
  return fieldsOfShape(shape, value);
}

function fieldsOfShape(shape: Shape, value: Plain | undefined): readonly Field[] {
  if (shape.kind === "part") return shape.fields;
  if (shape.kind !== "variants" && shape.kind !== "several") return [];
  return shape.variants.find((variant) => variant.name === at(value, [shape.tag]))?.fields ?? [];
}

export function isMapping(value: Plain | undefined): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function at(value: Plain | undefined, path: readonly string[]): Plain | undefined {
  let node = value;
  for (const name of path) {
    if (typeof node !== "object" || node === null) return undefined;
    node = Array.isArray(node) ? node[Number(name)] : Object.hasOwn(node, name) ? node[name] : undefined;
  }
  return node;
}

export function isEqual(a: Plain | undefined, b: Plain | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keys = Object.keys(a);
  return Array.isArray(a) === Array.isArray(b) && keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isEqual(at(a, [key]), at(b, [key])));
}

/** A spec as it would be written: without what is as it is by default. */
export function withoutDefaults(fields: readonly Field[], data: Mapping): Mapping {
  const written = Object.entries(data).flatMap(([name, value]): [string, Plain][] => {
    const field = fields.find((each) => each.name === name);
    if (!field) return [[name, value]];
    if (!field.required && (value === null || isEqual(value, field.fallback ?? emptyOf(field.shape)))) return [];
    return [[name, writtenOf(field.shape, value)]];
  });
  return Object.fromEntries(written);
}

function writtenOf(shape: Shape, value: Plain): Plain {
  if (shape.kind === "part" && isMapping(value)) return withoutDefaults(shape.fields, value);
  if (shape.kind === "named" && isMapping(value)) return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, writtenOf(shape.item, inner)]));
  if (shape.kind === "variants" && isMapping(value)) {
    const { [shape.tag]: tag, ...rest } = value;
    return { [shape.tag]: tag!, ...withoutDefaults(fieldsOfShape(shape, value), rest) };
  }
  return value;
}

function emptyOf(shape: Shape): Plain | undefined {
  return shape.kind === "list" ? [] : shape.kind === "named" ? {} : undefined;
}
