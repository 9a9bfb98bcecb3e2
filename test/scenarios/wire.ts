// Small ends of a conversation for the scenarios: a client that says lines and waits for replies,
// and a next hop that does as it is told. Independent of the code under test on purpose.

import { connect, createServer, type Server, type Socket } from 'node:net';

export interface Client {
  /** The last line of the greeting. */
  readonly greeting: string;
  readonly socket: Socket;
  /** Sends, and resolves to the whole reply, its lines joined by \n. Rejects when cut off. */
  say(text: string): Promise<string>;
  /** The next reply without saying anything. */
  hear(): Promise<string>;
  close(): void;
}

/** `socket`: one that has been opened already, over TLS perhaps. */
export function connectClient(
  port: number,
  socket: Socket = connect(port, '127.0.0.1'),
): Promise<Client> {
  return new Promise((resolve, reject) => {
    socket.setNoDelay();
    socket.setEncoding('utf8');
    let buffer = '';
    let waiting: { resolve: (reply: string) => void; reject: (error: Error) => void } | undefined;
    let lost: Error | undefined;
    const serve = () => {
      if (waiting === undefined) return;
      const end = /^\d{3}(?: .*)?\r\n/m.exec(buffer);
      if (end !== null) {
        const reply = buffer.slice(0, end.index + end[0].length);
        buffer = buffer.slice(reply.length);
        const { resolve } = waiting;
        waiting = undefined;
        resolve(reply.trimEnd().replaceAll('\r\n', '\n'));
      } else if (lost !== undefined) {
        waiting.reject(lost);
        waiting = undefined;
      }
    };
    const hear = () =>
      new Promise<string>((resolve, reject) => {
        waiting = { resolve, reject };
        serve();
      });
    socket.on('data', (text) => {
      buffer += text;
      serve();
    });
    const lose = (error?: Error) => {
      lost ??= error ?? new Error('connection closed');
      serve();
    };
    socket.on('error', lose);
    socket.on('close', () => lose());
    const say = (text: string) => {
      socket.write(text);
      return hear();
    };
    hear().then(
      (greeting) => resolve({ greeting, socket, say, hear, close: () => socket.destroy() }),
      reject,
    );
  });
}

/** One message by DATA; rejects unless it was answered with 250. */
export async function submit(
  client: Client,
  mail: { from: string; to: readonly string[]; content: string; params?: string },
): Promise<string> {
  const expect = async (code: string, text: string) => {
    const reply = await client.say(text);
    if (!reply.startsWith(code)) throw new Error(`${text.slice(0, 60).trim()} → ${reply}`);
    return reply;
  };
  await expect('250', `MAIL FROM:<${mail.from}>${mail.params ?? ''}\r\n`);
  for (const to of mail.to) await expect('250', `RCPT TO:<${to}>\r\n`);
  await expect('354', 'DATA\r\n');
  return expect('250', `${mail.content.replace(/^\./gm, '..')}\r\n.\r\n`);
}

export interface NextHop extends AsyncDisposable {
  readonly port: number;
  /** Contents it took, as sent (dots and all). */
  readonly taken: string[];
  readonly connections: number;
}

export interface NextHopOptions {
  readonly port?: number;
  readonly host?: string;
  readonly greeting?: string;
  /** What was taken, and what its client called itself. */
  readonly onTaken?: (text: string, client: string) => void;
}

/** Answers each line by `behave` (undefined: nothing), or takes everything. */
export async function startNextHop(
  behave: (line: string, socket: Socket) => string | undefined = () => '250 2.0.0 OK',
  { port = 0, host = '127.0.0.1', greeting = '220 next.test ESMTP', onTaken }: NextHopOptions = {},
): Promise<NextHop> {
  const taken: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer({ noDelay: true }, (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.setEncoding('latin1');
    let buffer = '';
    let inData = false;
    let client = '';
    if (greeting !== '') socket.write(`${greeting}\r\n`);
    socket.on('data', (text) => {
      buffer += text;
      for (;;) {
        const end = buffer.indexOf(inData ? '\r\n.\r\n' : '\r\n');
        if (end < 0) return;
        const line = buffer.slice(0, end);
        buffer = buffer.slice(end + (inData ? 5 : 2));
        if (!inData) client = /^EHLO (\S+)/i.exec(line)?.[1] ?? client;
        const reply = inData ? behave('.', socket) : behave(line, socket);
        if (inData) {
          inData = false;
          if (reply?.startsWith('2')) {
            taken.push(Buffer.from(line, 'latin1').toString('utf8'));
            onTaken?.(taken.at(-1)!, client);
          }
        } else if (/^DATA$/i.test(line) && reply?.startsWith('2')) {
          inData = true;
          socket.write('354 go ahead\r\n');
          continue;
        }
        if (/^QUIT$/i.test(line)) socket.end('221 bye\r\n');
        else if (reply !== undefined) socket.write(`${reply}\r\n`);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  return {
    port: (server.address() as { port: number }).port,
    taken,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
