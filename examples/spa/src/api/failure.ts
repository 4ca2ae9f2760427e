import type { components } from "../generated/api";

type Problem = components["schemas"]["Problem"];
export type ProblemError = components["schemas"]["ProblemError"];

interface Details {
  status?: number;
  errors?: readonly ProblemError[];
  requestId?: string;
  retryAfter?: number;
  cause?: unknown;
}

/** Why a call failed, in words for the person who made it. */
export class Failure extends Error {
  /** The HTTP status, or 0 if there was no answer. */
  readonly status: number;
  /** What is wrong with the request, and where in it. */
  readonly errors: readonly ProblemError[];
  /** Names the request in the server's log. */
  readonly requestId: string;
  /** After how many seconds it may be tried again; 0 says nothing about it. */
  readonly retryAfter: number;

  constructor(message: string, { cause, ...details }: Details = {}) {
    super(message, { cause });
    this.status = details.status ?? 0;
    this.errors = details.errors ?? [];
    this.requestId = details.requestId ?? "";
    this.retryAfter = details.retryAfter ?? 0;
  }

  /** What is wrong at a JSON pointer (RFC 6901) or below it. */
  at(pointer: string): string[] {
    return this.errors.filter((error) => isAt(pointer, error)).map((error) => error.detail);
  }

  /** What is wrong at none of these pointers. */
  elsewhere(pointers: readonly string[]): string[] {
    if (this.errors.length === 0) return [this.message];
    return this.errors
      .filter((error) => !pointers.some((pointer) => isAt(pointer, error)))
      .map((error) => error.detail);
  }
}

function isAt(pointer: string, error: ProblemError): boolean {
  return error.pointer === pointer || (error.pointer ?? "").startsWith(`${pointer}/`);
}

interface Answer<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/** The data of a call's answer. Throws Failure; and, if the call was given up, its AbortError. */
export async function dataOf<Data>(call: Promise<Answer<Data>>): Promise<Data> {
  const { data, response } = await accepted(call);
  if (data === undefined) throw new Failure("The server's answer was empty.", statusOf(response));
  return data;
}

/** The answer of a call, if the server did what was asked. Throws as dataOf(). */
export async function accepted<Data>(call: Promise<Answer<Data>>): Promise<Answer<Data>> {
  const answer = await call.catch((cause: unknown) => {
    const known = cause instanceof Failure || isAbort(cause);
    throw known ? cause : new Failure("There was no answer from the server.", { cause });
  });
  if (!answer.response.ok) throw failureOf(answer.response, answer.error);
  return answer;
}

export function failureOf(response: Response, body: unknown): Failure {
  const details: Details = {
    ...statusOf(response),
    retryAfter: Number(response.headers.get("Retry-After")) || 0,
  };
  // A proxy in between may answer with something else than the API's problems.
  if (!isProblem(body)) return new Failure(`The server answered ${response.status}.`, details);
  const { detail, errors, request_id: requestId } = body;
  return new Failure(detail, { ...details, errors, requestId });
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

function statusOf(response: Response): Details {
  return {
    status: response.status,
    requestId: response.headers.get("X-Request-ID") ?? "",
  };
}

function isProblem(body: unknown): body is Problem {
  return (
    typeof body === "object" &&
    body !== null &&
    "detail" in body &&
    "errors" in body &&
    Array.isArray(body.errors)
  );
}
