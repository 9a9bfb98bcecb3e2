// Asks the server that runs on a data directory: the same Operations, over its control socket.

import { connect, type Socket } from 'node:net';
import { withSocketPath } from './control-path.ts';
import { readJsonLines } from './line-reader.ts';
import type {
  AccountLine,
  AddressTaken,
  MailLine,
  MendedContent,
  Operations,
  QueueDetail,
  QueueLine,
  Reloaded,
  ServerControl,
  Story,
} from './operations.ts';
import { OperationError } from './operations.ts';

export type RemoteOperations = Operations & ServerControl & AsyncDisposable;

/** Undefined when no server listens there: then the stores are ours to open. */
export async function connectControl(dataDirectory: string): Promise<RemoteOperations | undefined> {
  const probe = await dial(dataDirectory);
  if (probe === undefined) return undefined;
  probe.destroy();
  const call = async (name: string, request: object = {}): Promise<unknown> => {
    const lines = ask(dataDirectory, name, request);
    for (let next = await lines.next(); ; next = await lines.next())
      if (next.done) return next.value;
  };
  const stream = (name: string, request: object = {}) => ask(dataDirectory, name, request);
  return {
    accountAdd: async (request) => (await call('accountAdd', request)) as AddressTaken,
    accountList: () => stream('accountList') as AsyncIterable<AccountLine>,
    accountPassword: async (request) => (await call('accountPassword', request)) as AddressTaken,
    accountRemove: async (request) => void (await call('accountRemove', request)),
    addressAdd: async (request) => (await call('addressAdd', request)) as AddressTaken,
    addressRemove: async (request) => void (await call('addressRemove', request)),
    appPasswordAdd: async (request) => String(await call('appPasswordAdd', request)),
    appPasswordRemove: async (request) => void (await call('appPasswordRemove', request)),
    mailList: (request) => stream('mailList', request) as AsyncIterable<MailLine>,
    mailShow: (request) => stream('mailShow', request) as AsyncIterable<Uint8Array>,
    mailDelete: async (request) => Number(await call('mailDelete', request)),
    queueList: () => stream('queueList') as AsyncIterable<QueueLine>,
    queueShow: async (request) => (await call('queueShow', request)) as QueueDetail,
    queueRetry: async (request) => Number(await call('queueRetry', request)),
    queueHold: async (request) => Number(await call('queueHold', request)),
    queueRelease: async (request) => Number(await call('queueRelease', request)),
    queueCancel: async (request) => Number(await call('queueCancel', request)),
    backupHold: () => stream('backupHold') as AsyncIterable<object>,
    mendContent: async (request) => (await call('mendContent', request)) as MendedContent | null,
    why: async (request) => (await call('why', request)) as Story,
    reload: async () => (await call('reload')) as Reloaded,
    async [Symbol.asyncDispose]() {},
  };
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
          new OperationError(
            'the running server belongs to another user; become that user, or root',
          ),
        );
      else resolve(undefined);
    });
    return undefined;
  });
}

/** Yields items and pieces; returns the result. */
async function* ask(
  dataDirectory: string,
  call: string,
  request: object,
): AsyncGenerator<unknown, unknown> {
  const socket = await dial(dataDirectory);
  if (socket === undefined) throw new OperationError('the server has just stopped; try again');
  try {
    socket.end(`${JSON.stringify({ call, arguments: request })}\n`);
    for await (const line of readJsonLines(socket)) {
      const answer = new Map(Object.entries(line as object));
      if (answer.has('error')) throw new OperationError(String(answer.get('error')));
      if (answer.has('result')) return answer.get('result');
      if (answer.has('bytes')) yield Buffer.from(String(answer.get('bytes')), 'base64');
      else yield answer.get('item');
    }
  } finally {
    socket.destroy();
  }
  throw new OperationError('the server stopped before it had answered; try again');
}
