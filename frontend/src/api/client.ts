/** The one way to the server: typed by its OpenAPI document, errors as problem details. */
import createClient from "openapi-fetch";
import type { paths } from "./schema";
import type { FieldProblem, Problem, Trigger } from "./types";

export const http = createClient<paths>({ baseUrl: window.location.origin, credentials: "same-origin" });

/** What the server said was wrong; status 0 when it did not answer at all. */
export class ApiError extends Error {
  readonly status: number;
  readonly fields: readonly FieldProblem[];
  readonly allowed: readonly Trigger[] | null;

  constructor(status: number, detail: string, fields: readonly FieldProblem[] = [], allowed: readonly Trigger[] | null = null) {
    super(detail);
    this.status = status;
    this.fields = fields;
    this.allowed = allowed;
  }
}

interface Answer<T> {
  data?: T | undefined;
  error?: unknown;
  response: Response;
}

function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "detail" in body && typeof body.detail === "string";
}

function refusal(response: Response, body: unknown): ApiError {
  if (!isProblem(body)) return new ApiError(response.status, `The server answered ${response.status} ${response.statusText}.`);
  return new ApiError(response.status, body.detail, body.errors ?? [], body.allowed ?? null);
}

/** The body of a successful answer. Throws ApiError for everything else. */
export async function body<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError(0, "The server does not answer.");
  }
  if (!answer.response.ok) throw refusal(answer.response, answer.error);
  return answer.data as T; // openapi-fetch types an empty body as undefined, which T then is
}
