// The HTTP interface for programs: every operation of the server as a call under /postrider/v1, made from the same
// table as the control socket, and described by OpenAPI 3.1 made from the schemas that check what comes in.
// Who asks has a token (RFC 6750); no cookie is ever looked at, so that no page of others can ask.

import { Readable } from 'node:stream';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { z } from 'zod';
import type { Log } from '../base/log.ts';
import type { ApiOperation } from './api-operation.ts';
import type { WebClient } from './http-service.ts';
import { openApi } from './open-api.ts';
import { readBody } from './request-body.ts';
import type { WebApp } from './web-app.ts';
import { hostOf } from './web-app.ts';

export interface ApiParts {
  readonly version: string;
  readonly operations: readonly ApiOperation[];
  /** @throws what `isRefusal` knows, for what cannot be asked like this. */
  readonly call: (name: string, given: unknown) => Promise<unknown> | AsyncIterable<unknown>;
  /** Whether an error's words are for whoever asked. */
  readonly isRefusal: (error: unknown) => error is Error;
  /** Who a token belongs to; undefined for nobody. */
  readonly bearer: (token: string) => Promise<Bearer | undefined>;
  /** Asks without a token: `dev`, from this machine. */
  readonly needsNoToken: (address: string) => boolean;
  /** Of this machine, as a name or an address in a URL. */
  readonly isLoopback: (host: string) => boolean;
  readonly log: Log;
}

export interface Bearer {
  readonly name: string;
  readonly allows: readonly string[];
}

/** Limit: what an operation is told. The longest is a list of queue ids. */
const bodyBytesMax = 2 ** 20;

export function apiPaths(parts: ApiParts) {
  const { operations, version } = parts;
  const byName = new Map(operations.map((one) => [one.name, one]));
  return (app: WebApp): void => {
    app.get('/postrider/openapi.json', (c) => c.json(openApi(operations, version)));
    app.on(['GET', 'POST'], '/postrider/v1/:name', async (c) => {
      const one = byName.get(c.req.param('name'));
      if (one === undefined) return c.json({ error: 'there is no such operation' }, 404);
      if (one.changes && c.req.method !== 'POST')
        return c.json({ error: 'it changes something: ask by POST' }, 405, { allow: 'POST' });
      const who = await allowed(parts, one, c);
      const given =
        c.req.method === 'POST'
          ? await jsonBody(c.req.raw)
          : fromQuery(new URL(c.req.url).searchParams, one.input);
      if (one.changes)
        parts.log.info('operation', {
          ...{ service: 'http', client: c.env.address, user: who, call: one.name },
        });
      try {
        return await answered(parts.call(one.name, given), one);
      } catch (error) {
        if (!parts.isRefusal(error)) throw error;
        return c.json({ error: error.message }, 400);
      }
    });
  };
}

/** The name of whoever asks and may. @throws HTTPException 401, 403 */
export const allowed = (
  parts: Pick<ApiParts, 'bearer' | 'needsNoToken' | 'isLoopback'>,
  one: Pick<ApiOperation, 'name' | 'changes'>,
  { req, env }: Context<{ Bindings: WebClient }>,
): Promise<string> =>
  asking(parts, one, {
    authorization: req.header('authorization'),
    isOwn: parts.needsNoToken(env.address) && isOwnPage(req.raw, parts.isLoopback),
  });

/** The token's name. @throws HTTPException 401, 403 */
async function asking(
  { bearer }: Pick<ApiParts, 'bearer'>,
  { name, changes }: Pick<ApiOperation, 'name' | 'changes'>,
  { authorization, isOwn }: { readonly authorization: string | undefined; readonly isOwn: boolean },
): Promise<string> {
  const token = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (token === undefined && isOwn) return 'none';
  const who = token === undefined ? undefined : await bearer(token);
  // RFC 6750 §3
  if (who === undefined)
    throw refusal(401, 'a token is needed: `postrider token create NAME`', {
      'www-authenticate': 'Bearer realm="postrider"',
    });
  const { allows } = who;
  if (!allows.includes('all') && !allows.includes(name) && (changes || !allows.includes('read')))
    throw refusal(403, `the token ${who.name} does not allow ${name}`);
  return who.name;
}

/**
 * A browser on this machine may be on anybody's page: one of another origin says so, and one whose name was led here
 * by the DNS of its owner asks for that name.
 */
function isOwnPage({ url, headers }: Request, isLoopback: (host: string) => boolean): boolean {
  if (!isLoopback(hostOf(url).replace(/^\[(.*)\]$/, '$1'))) return false;
  const origin = headers.get('origin');
  return origin === null || (URL.canParse(origin) && new URL(origin).host === new URL(url).host);
}

function refusal(status: 400 | 401 | 403, error: string, headers: Record<string, string> = {}) {
  return new HTTPException(status, { res: Response.json({ error }, { status, headers }) });
}

async function jsonBody(request: Request): Promise<unknown> {
  const body = await readBody(request, bodyBytesMax);
  // So that no form of another page can ask: a browser sends this type only after it has asked whether it may.
  if (body.length > 0 && !/^application\/json\b/i.test(request.headers.get('content-type') ?? ''))
    throw refusal(400, 'the body is to be JSON, and Content-Type to say so');
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw refusal(400, 'the body is not JSON');
  }
}

/** `?id=x`, `?ids=x&ids=y`: as texts, and where these do not fit as numbers and the like. */
function fromQuery(query: URLSearchParams, input: z.ZodType): unknown {
  const read = (value: (text: string) => unknown) =>
    Object.fromEntries(
      [...new Set(query.keys())].map((key) => {
        const all = query.getAll(key).map(value);
        return [key, all.length === 1 ? all[0] : all];
      }),
    );
  const texts = read((text) => text);
  const lists = Object.fromEntries(
    [...new Set(query.keys())].map((key) => [key, query.getAll(key)]),
  );
  const candidates = [texts, lists, read(plainValue)];
  return candidates.find((one) => input.safeParse(one).success) ?? texts;
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
  const body = octets ? bytesOf(first, rest) : arrayOf(first, rest);
  const type = octets ? 'application/octet-stream' : 'application/json';
  return new Response(Readable.toWeb(Readable.from(body)) as ReadableStream, {
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
