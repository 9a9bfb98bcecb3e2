// The HTTP interface for programs in JavaScript: a method for each operation of the server, with the types of the table
// that the server is made from. Needs nothing but fetch, so that it runs wherever that is.

import type { Operations } from '../admin/operations.ts';

export type { Operations } from '../admin/operations.ts';

export interface ClientOptions {
  /** Of the server's `http` listener: `https://mx.example.org:8025`. */
  readonly url: string;
  /** From `postrider token create NAME`. Not needed in `dev`, nor by a page that has logged in. */
  readonly token?: string | undefined;
  /** Default: the global one. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/** What cannot be done, in the server's words. */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  /** Of the answer. RFC 9110 §15. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * What operations give is awaited, or, where it is a list or octets, iterated over.
 * @throws ClientError, when it is awaited or iterated over, for what the server refuses.
 */
export function createClient(options: ClientOptions): Operations {
  const made = new Map<string, (input?: unknown) => Answer>();
  return new Proxy({} as Operations, {
    get(_, name) {
      // Whoever awaits the client itself asks for this.
      if (typeof name !== 'string' || name === 'then') return undefined;
      const known = made.get(name) ?? ((input?: unknown) => new Answer(options, name, input));
      made.set(name, known);
      return known;
    },
  });
}

/** Asked for when somebody wants it, once. */
class Answer implements PromiseLike<unknown>, AsyncIterable<unknown> {
  readonly #ask: () => Promise<Response>;
  #asked: Promise<Response> | undefined;
  /** Read once, however often it is awaited. */
  #value: Promise<unknown> | undefined;

  constructor(options: ClientOptions, name: string, input: unknown) {
    this.#ask = () => ask(options, name, input);
  }

  // biome-ignore lint/suspicious/noThenProperty: it is what is awaited
  then<A = unknown, B = never>(
    resolved?: ((value: unknown) => A | PromiseLike<A>) | null,
    rejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#value ??= this.#answer().then((response) => response.json() as Promise<unknown>);
    return this.#value.then(resolved, rejected);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown> {
    if (this.#value !== undefined) return yield* (await this.#value) as readonly unknown[];
    const response = await this.#answer();
    const type = response.headers.get('content-type') ?? '';
    if (type.startsWith('application/json')) yield* (await this) as readonly unknown[];
    else for await (const piece of response.body ?? []) yield piece;
  }

  #answer(): Promise<Response> {
    this.#asked ??= this.#ask();
    return this.#asked;
  }
}

async function ask(
  { url, token, fetch = globalThis.fetch }: ClientOptions,
  name: string,
  input: unknown = {},
): Promise<Response> {
  const response = await fetch(new URL(`/postrider/v1/${encodeURIComponent(name)}`, url), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(input),
  });
  if (response.ok) return response;
  const said = (await response.json().catch(() => ({}))) as { readonly error?: string };
  throw new ClientError(response.status, said.error ?? `the server answered ${response.status}`);
}
