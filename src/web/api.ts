// The HTTP interface for programs: every operation of the server as a call under /postrider/v1, made from the same
// table as the control socket, and described by OpenAPI 3.1 made from the schemas that check what comes in.
// Who may ask is asking.ts's affair.

import { Readable } from 'node:stream';
import { z } from 'zod';
import type { ApiOperation } from './api-operation.ts';
import type { Asking, WebContext } from './asking.ts';
import { askerText, mayBeAnyPage, strangersPage } from './asking.ts';
import { jsonBody } from './json-body.ts';
import type { LargeRequests } from './large-requests.ts';
import { openApi } from './open-api.ts';
import { readBody } from './request-body.ts';
import type { WebApp } from './web-app.ts';

export interface ApiParts {
  readonly version: string;
  readonly operations: readonly ApiOperation[];
  readonly asking: Pick<Asking, 'allowed'>;
  readonly large: LargeRequests;
  /** @throws what `isRefusal` knows, for what cannot be asked like this. */
  readonly call: (
    name: string,
    given: unknown,
    by: CalledBy,
  ) => Promise<unknown> | AsyncIterable<unknown>;
  /** Whether an error's words are for whoever asked. */
  readonly isRefusal: (error: unknown) => error is Error;
}

/** Who calls an operation, for the record. */
export interface CalledBy {
  /** `administrator ann` */
  readonly who: string;
  /** Its address, '' on a Unix socket. */
  readonly client: string;
}

/** Limit: what an operation is told. The longest is a list of queue ids. */
const bodyBytesMax = 2 ** 20;

export function apiPaths(parts: ApiParts) {
  const { operations, version, asking } = parts;
  const whoMay = async (c: WebContext, one: ApiOperation) =>
    askerText(await asking.allowed(c, one));
  return (app: WebApp): void => {
    app.get('/postrider/openapi.json', (c) => c.json(openApi(operations, version)));
    operationPaths(app, { ...parts, under: '/postrider/v1', whoMay });
  };
}

export interface OperationPaths<Who extends string>
  extends Pick<ApiParts, 'operations' | 'isRefusal' | 'large'> {
  /** The path above their names. */
  readonly under: string;
  /** Asked before anything is read. @throws HTTPException 401, 403 */
  readonly whoMay: (c: WebContext, one: ApiOperation) => Promise<Who>;
  readonly call: (
    name: string,
    given: unknown,
    by: { readonly who: Who; readonly client: string },
  ) => ReturnType<ApiParts['call']>;
}

/** A path for each operation: GET for what only looks, POST for all. */
export function operationPaths<Who extends string>(app: WebApp, parts: OperationPaths<Who>): void {
  const byName = new Map(parts.operations.map((one) => [one.name, one]));
  app.on(['GET', 'POST'], `${parts.under}/:name`, async (c) => {
    const one = byName.get(c.req.param('name') ?? '');
    if (one === undefined) return c.json({ error: 'there is no such operation' }, 404);
    if (one.changes && c.req.method !== 'POST')
      return c.json({ error: 'it changes something: ask by POST' }, 405, { allow: 'POST' });
    // Some ask others (the DNS, rspamd), some read for long.
    if (c.req.method !== 'POST' && mayBeAnyPage(c.req.raw)) throw strangersPage();
    const who = await parts.whoMay(c, one);
    await parts.large.body(c.env, who, c.req.raw, one.bodyMax ?? bodyBytesMax);
    const given = await givenIn(c.req.raw, one);
    try {
      return await answered(parts.call(one.name, given, { who, client: c.env.address }), one);
    } catch (error) {
      if (!parts.isRefusal(error)) throw error;
      return c.json({ error: error.message }, 400);
    }
  });
}

async function givenIn(request: Request, one: ApiOperation): Promise<unknown> {
  const query = new URL(request.url).searchParams;
  if (request.method !== 'POST') return fromQuery(query, one.input);
  const { wholeMessage, bodyMax = bodyBytesMax } = one;
  const type = request.headers.get('content-type') ?? '';
  if (wholeMessage === undefined || !/^message\/rfc822\b/i.test(type))
    return jsonBody(request, bodyMax);
  // Its envelope and whatever else there is to say stands in the query.
  const octets = await readBody(request, bodyMax);
  return { ...(fromQuery(query, one.input) as object), [wholeMessage]: octets.toString('base64') };
}

/** `?id=x`, `?ids=x&ids=y`: each as its schema wants it, as a text if that will do. */
function fromQuery(query: URLSearchParams, input: z.ZodType): unknown {
  const schemas = new Map(input instanceof z.ZodObject ? Object.entries(input.shape) : []);
  return Object.fromEntries(
    [...new Set(query.keys())].map((key) => {
      const texts = query.getAll(key);
      const values = texts.map(plainValue);
      const usual = texts.length === 1 ? texts[0] : texts;
      const readings = [usual, texts, values.length === 1 ? values[0] : values, values];
      const schema = schemas.get(key) as z.ZodType | undefined;
      return [key, readings.find((one) => schema?.safeParse(one).success) ?? usual];
    }),
  );
}

const plainValue = (text: string): unknown =>
  text === 'true' ? true : text === 'false' ? false : /^-?\d+$/.test(text) ? Number(text) : text;

async function answered(
  answer: Promise<unknown> | AsyncIterable<unknown>,
  { kind }: ApiOperation,
): Promise<Response> {
  if (answer instanceof Promise) return Response.json((await answer) ?? null);
  const items = answer[Symbol.asyncIterator]();
  // What is refused is refused before the first item: then there is a status for it.
  const first = await items.next();
  const rest = { [Symbol.asyncIterator]: () => items };
  const octets = kind === 'bytes';
  const body = Readable.from(octets ? bytesOf(first, rest) : arrayOf(first, rest));
  // A generator that nobody has asked for more than its first piece has not come to `rest`, and would leave it open.
  body.once('close', () => void items.return?.().catch(() => {}));
  const type = octets ? 'application/octet-stream' : 'application/json';
  return new Response(Readable.toWeb(body) as ReadableStream, {
    headers: { 'content-type': type },
  });
}

async function* bytesOf(first: IteratorResult<unknown>, rest: AsyncIterable<unknown>) {
  if (first.done === true) return;
  yield first.value as Uint8Array;
  for await (const piece of rest) yield piece as Uint8Array;
}

/** As slowly as it is read: a list of 100,000 messages is never in memory as a whole. */
async function* arrayOf(first: IteratorResult<unknown>, rest: AsyncIterable<unknown>) {
  if (first.done === true) {
    yield Buffer.from('[]');
    return;
  }
  yield Buffer.from(`[${JSON.stringify(first.value)}`);
  for await (const item of rest) yield Buffer.from(`,\n${JSON.stringify(item)}`);
  yield Buffer.from(']');
}
