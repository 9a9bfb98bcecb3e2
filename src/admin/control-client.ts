// Asks the server that runs on a data directory: the same Operations, over its control socket.

import { connect, type Socket } from 'node:net';
import { withSocketPath } from './control-path.ts';
import { readJsonLines } from './line-reader.ts';
import type { Operation } from './operation.ts';
import type { Operations } from './operations.ts';
import { eachOperation, OperationError } from './operations.ts';

export type RemoteOperations = Operations & AsyncDisposable;

/** How long a question waits for the first of its answer before the asker hears of it. */
const silenceMs = 10_000;
/** The same between any two lines of what is followed: one that lives says something every twenty seconds. */
const followedSilenceMs = 30_000;

/**
 * Undefined when no server listens there: then the stores are ours to open. `onSilence` is called where a question is not
 * answered for long: the server has much to do, or stands still, and what was asked for may be done all the same.
 */
export async function connectControl(
  dataDirectory: string,
  onSilence: () => void = () => {},
): Promise<RemoteOperations | undefined> {
  const probe = await dial(dataDirectory);
  if (probe === undefined) return undefined;
  probe.destroy();
  const operations = eachOperation((name, one) => (input = {}) => {
    const lines = understood(one, ask({ dataDirectory, onSilence }, name, input as object));
    return one.kind === 'value' ? resultOf(lines) : lines;
  });
  return { ...operations, async [Symbol.asyncDispose]() {} };
}

async function resultOf(lines: AsyncGenerator<unknown, unknown>): Promise<unknown> {
  for (let next = await lines.next(); ; next = await lines.next()) if (next.done) return next.value;
}

/** Checks that the server answers what we know: it may be of another version. */
async function* understood(
  one: Operation,
  lines: AsyncGenerator<unknown, unknown>,
): AsyncGenerator<unknown, unknown> {
  if (one.kind === 'bytes') return yield* lines;
  const check = (answer: unknown): unknown => {
    const result = one.output.safeParse(answer);
    if (result.success) return result.data;
    throw new OperationError(
      'the running server answers as another version does; restart it, or use the command it came with',
    );
  };
  try {
    for (let next = await lines.next(); ; next = await lines.next()) {
      if (next.done) return one.kind === 'value' ? check(next.value) : undefined;
      if (one.kind === 'list') yield check(next.value);
    }
  } finally {
    await lines.return(undefined);
  }
}

/** Undefined when nobody answers; a stale socket file refuses the connection. */
function dial(dataDirectory: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    let socket: Socket;
    try {
      socket = withSocketPath(dataDirectory, (path) => connect({ path }));
    } catch {
      return resolve(undefined); // no data directory yet
    }
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EACCES' || error.code === 'EPERM')
        reject(
          new OperationError(`${dataDirectory} belongs to another user; become that user, or root`),
        );
      else resolve(undefined);
    });
    return undefined;
  });
}

/** Yields items and pieces; returns the result. */
async function* ask(
  { dataDirectory, onSilence }: { readonly dataDirectory: string; readonly onSilence: () => void },
  call: string,
  request: object,
): AsyncGenerator<unknown, unknown> {
  const socket = await dial(dataDirectory);
  if (socket === undefined) throw new OperationError('the server has just stopped; try again');
  const isFollowed = call === 'watch';
  const silence = setTimeout(onSilence, isFollowed ? followedSilenceMs : silenceMs);
  try {
    socket.end(`${JSON.stringify({ call, arguments: request })}\n`);
    for await (const line of readJsonLines(socket)) {
      if (isFollowed) silence.refresh();
      else clearTimeout(silence);
      const answer = new Map(Object.entries(line as object));
      if (answer.has('error')) throw new OperationError(String(answer.get('error')));
      if (answer.has('result')) return answer.get('result');
      if (answer.has('bytes')) yield Buffer.from(String(answer.get('bytes')), 'base64');
      else yield answer.get('item');
    }
  } finally {
    clearTimeout(silence);
    socket.destroy();
  }
  throw new OperationError('the server stopped before it had answered; try again');
}
