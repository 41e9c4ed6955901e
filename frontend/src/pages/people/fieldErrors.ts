/** Puts the server's words for a field at the field. Pure. */
import { ApiError } from "../../api/client";

/** What the server says of one field of the body; null where it says nothing. */
export function fieldError(error: Error | null, field: string): string | null {
  if (!(error instanceof ApiError)) return null;
  const found = error.fields.filter((each) => each.field === field || each.field === `body.${field}` || each.field.startsWith(`${field}.`));
  return found.length ? found.map((each) => each.message).join("; ") : null;
}

/** The error where no shown field has it: it stands above the form. */
export function restOf(error: Error | null, fields: readonly string[]): Error | null {
  return error && fields.every((field) => fieldError(error, field) === null) ? error : null;
}
