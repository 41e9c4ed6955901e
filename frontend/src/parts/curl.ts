/** An action of the page as a command to paste into a shell. Pure. */

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Request {
  method: Method;
  /** From the root, with its query: /api/v1/runs/r1/pause. */
  path: string;
  /** A text is sent as it is, as YAML unless the headers say otherwise; everything else as JSON. */
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
}

/** One argument a POSIX shell passes on untouched, whatever stands in it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The request as curl sends it; the token is asked for when the command runs, so that the copied text holds no secret. */
export function curlCommand(origin: string, { method, path, body, headers = {} }: Request): string {
  const verb = method === "GET" ? "" : `-X ${method} `;
  const all = body === undefined ? headers : { "Content-Type": typeof body === "string" ? "application/yaml" : "application/json", ...headers };
  const parts = [
    `curl ${verb}${quoted(origin + path)}`,
    `-H "Authorization: Bearer $(copd token)"`,
    ...Object.entries(all).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    ...(body === undefined ? [] : [`--data-raw ${quoted(typeof body === "string" ? body : JSON.stringify(body))}`]),
  ];
  return parts.join(" \\\n  ");
}
