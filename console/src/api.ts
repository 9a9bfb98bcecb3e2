// What the console asks of the server: the operations of its HTTP interface, typed by their table, and nothing else.
// It has no way in that a program with a token has not.

import type { Operations } from '../../src/admin/operations.ts';

export type OperationName = keyof Operations;
export type InputOf<N extends OperationName> = Parameters<Operations[N]>[0];
type Given<A> = A extends Promise<infer T> ? T : A extends AsyncIterable<infer T> ? T[] : never;
export type AnswerOf<N extends OperationName> = Given<ReturnType<Operations[N]>>;

/** The server's words about why not. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** 0: it was not reached at all. */
  readonly status: number;
  /** What is missing: `code`, of a second factor. */
  readonly needs: string | undefined;

  constructor(status: number, message: string, needs?: string) {
    super(message);
    this.status = status;
    this.needs = needs;
  }
}

type Ask<N extends OperationName> =
  undefined extends InputOf<N>
    ? [input?: InputOf<N>, signal?: AbortSignal]
    : [input: InputOf<N>, signal?: AbortSignal];

/** @throws ApiError */
export async function call<N extends OperationName>(
  name: N,
  ...[input, signal]: Ask<N>
): Promise<AnswerOf<N>> {
  const response = await post(`/postrider/v1/${name}`, input ?? {}, signal);
  return (await response.json()) as AnswerOf<N>;
}

/** @throws ApiError */
export function post(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  return ask(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal !== undefined && { signal }),
  });
}

/** @throws ApiError */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (init.signal?.aborted === true) throw error;
    throw new ApiError(0, 'the server does not answer; it may be restarting');
  }
  if (response.ok) return response;
  if (response.status === 401) onLoggedOut();
  throw await refused(response);
}

let onLoggedOut = (): void => {};

/** What happens when the server no longer knows who asks. */
export function whenLoggedOut(then: () => void): void {
  onLoggedOut = then;
}

async function refused(response: Response): Promise<ApiError> {
  const { status } = response;
  const text = await response.text().catch(() => '');
  try {
    const { error, needs } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (typeof error === 'string')
      return new ApiError(status, error, typeof needs === 'string' ? needs : undefined);
  } catch {
    // In plain words, then.
  }
  return new ApiError(status, text.trim() || `the server answered with ${status}`);
}

export const wordsFor = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
