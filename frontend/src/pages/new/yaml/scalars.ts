/** Single values of YAML as the server reads them (YAML 1.1, with 1e-4 as a number), and how they are written so that it reads the same. */

export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };
export type Mapping = { [key: string]: Plain };

const NULL = /^(~|null|Null|NULL|)$/;
const TRUE = /^(yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const FALSE = /^(no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const WHOLE = /^[-+]?(0|[1-9][0-9_]*)$/;
const BASED = /^([-+]?)0(x[0-9a-fA-F_]+|b[01_]+|[0-7_]+)$/;
const REAL = /^[-+]?([0-9][0-9_]*\.[0-9_]*([eE][-+]?[0-9]+)?|\.[0-9][0-9_]*([eE][-+][0-9]+)?|[0-9]+[eE][-+]?[0-9]+)$/;
/** Words that no rule of YAML gives another meaning, in a flow collection too. */
const HARMLESS = /^[A-Za-z/][\w./-]*( [\w./-]+)*$/;
const SINGLE_LETTERS = /^[yYnN]$/;
/** A number as people type it and as the server reads it; 010 would be 8. */
const TYPED = /^-?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?$/;

/** The value of a plain scalar. */
export function resolve(text: string): Plain {
  if (NULL.test(text)) return null;
  if (TRUE.test(text)) return true;
  if (FALSE.test(text)) return false;
  const digits = text.replaceAll("_", "");
  if (WHOLE.test(text) || REAL.test(text)) return Number(digits);
  const based = BASED.exec(digits);
  if (based?.[2]) return Number(`${based[1] === "-" ? -1 : 1}`) * (/^[xb]/.test(based[2]) ? Number(`0${based[2]}`) : parseInt(based[2], 8));
  return text;
}

/** A text, quoted where it has to be. */
export function renderText(text: string): string {
  if (HARMLESS.test(text) && !SINGLE_LETTERS.test(text) && typeof resolve(text) === "string") return text;
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A value on one line. */
export function render(value: Plain): string {
  if (value === null) return "null";
  if (typeof value === "string") return renderText(value);
  if (Array.isArray(value)) return `[${value.map(render).join(", ")}]`;
  if (typeof value === "object") return `{${pairs(value)}}`;
  return String(value);
}

function pairs(mapping: Mapping): string {
  return Object.entries(mapping)
    .map(([key, value]) => `${renderText(key)}: ${render(value)}`)
    .join(", ");
}

/** What a typed text means in a field for numbers: a number, spelt as typed where the server reads it so, or else the text itself. */
export function typedNumber(text: string): { value: Plain; written: string } {
  const plain = text.trim().replace(",", ".");
  const value = Number(plain);
  if (plain === "" || !Number.isFinite(value)) return { value: plain, written: renderText(plain) };
  return { value, written: TYPED.test(plain) ? plain : String(value) };
}
