/** Plain values as YAML that people like to read: short mappings on one line, long ones indented. */
import { render, renderText, type Mapping, type Plain } from "./scalars";

const WIDTH = 100;

export function dump(data: Mapping, indent = ""): string {
  return Object.entries(data)
    .map(([key, value]) => entry(key, value, indent))
    .join("");
}

function entry(key: string, value: Plain, indent: string): string {
  const line = `${indent}${renderText(key)}: ${render(value)}`;
  const isDeep = value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length > 0;
  const holdsParts = isDeep && Object.values(value).some((inner) => inner !== null && typeof inner === "object");
  if (!isDeep || (line.length <= WIDTH && !(holdsParts && indent === ""))) return `${line}\n`;
  return `${indent}${renderText(key)}:\n${dump(value as Mapping, `${indent}  `)}`;
}
