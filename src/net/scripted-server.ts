// A mail server on loopback that says what a test tells it to say: for tests of those who call
// servers. It follows the conversation just well enough to know commands from content.

import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { TLSSocket } from 'node:tls';

/**
 * What to answer to a command line, to the content (verb `.`) or to a new connection (verb ''):
 * lines to send, or a way to end it. undefined: the usual answer.
 */
export type Answer = string | { readonly hangUp: 'close' | 'reset'; readonly after?: string };
export type Script = (
  verb: string,
  line: string,
  connection: number,
) => Answer | undefined | 'silence';

export interface ScriptedServer extends AsyncDisposable {
  readonly port: number;
  /** Everything heard, a line each; content as one entry. */
  readonly heard: string[];
  /** Connections so far, and those open now. */
  readonly connections: { total: number; open: number };
  /** Resolves when no connection is open. */
  quiet(): Promise<void>;
  /** Drops all connections. */
  drop(): void;
}

export interface ScriptedOptions {
  readonly keywords?: readonly string[];
  readonly script?: Script;
  readonly tls?: { readonly certificate: string; readonly privateKeyPem: string };
  readonly path?: string;
  /** LMTP: one reply for each accepted recipient. */
  readonly lmtp?: boolean;
  /** Default: 127.0.0.1. */
  readonly host?: string;
}

export async function scriptedServer(options: ScriptedOptions = {}): Promise<ScriptedServer> {
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const connections = { total: 0, open: 0 };
  let quiet: (() => void)[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    connections.total += 1;
    connections.open += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      connections.open -= 1;
      if (connections.open > 0) return;
      for (const resolve of quiet) resolve();
      quiet = [];
    });
    converse(socket, options, heard, connections.total);
  });
  const { path, host = '127.0.0.1' } = options;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    if (path === undefined) server.listen(0, host, resolve);
    else server.listen(path, resolve);
  });
  const address = server.address() as AddressInfo | string;
  return {
    port: typeof address === 'string' ? 0 : address.port,
    heard,
    connections,
    quiet: () =>
      connections.open === 0 ? Promise.resolve() : new Promise((resolve) => quiet.push(resolve)),
    drop() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function converse(plain: Socket, options: ScriptedOptions, heard: string[], number: number): void {
  const { keywords = ['PIPELINING', '8BITMIME'], script, tls, lmtp = false } = options;
  let socket = plain;
  let text = '';
  let accepted = 0;
  /** Octets of a BDAT chunk still to come, or -1 for DATA. */
  let content: number | undefined;

  const say = (answer: Answer | undefined | 'silence', usual: string): string => {
    if (answer === 'silence') return '';
    if (answer !== undefined && typeof answer !== 'string') {
      if (answer.after !== undefined) socket.write(crlf(answer.after));
      if (answer.hangUp === 'reset') plain.resetAndDestroy();
      else socket.end();
      return '';
    }
    const said = answer ?? usual;
    if (said !== '') socket.write(crlf(said));
    return said;
  };
  const endOfContent = (): void => {
    const replies = lmtp ? accepted : 1;
    for (let i = 0; i < replies; i += 1) say(script?.('.', '', number), '250 2.0.0 queued');
    accepted = 0;
  };
  const command = (line: string): void => {
    heard.push(line);
    const verb = line.split(' ', 1)[0]!.toUpperCase();
    if (verb === 'BDAT') {
      content = Number(line.split(' ')[1]);
      return;
    }
    const said = say(script?.(verb, line, number), usualAnswer(verb, { keywords, accepted }));
    if (verb === 'RCPT' && said.startsWith('25')) accepted += 1;
    if (verb === 'DATA' && said.startsWith('354')) content = -1;
    if (verb === 'QUIT') socket.end();
    if (verb === 'STARTTLS' && said.startsWith('220') && tls !== undefined) secure();
  };
  const secure = (): void => {
    plain.removeAllListeners('data');
    socket = new TLSSocket(plain, {
      isServer: true,
      cert: tls!.certificate,
      key: tls!.privateKeyPem,
    });
    socket.on('error', () => plain.destroy());
    socket.on('data', listen);
  };
  const listen = (chunk: Uint8Array): void => {
    text += Buffer.from(chunk).toString('latin1');
    for (;;) {
      const end = content === undefined ? text.indexOf('\r\n') : contentEnd(text, content);
      if (end < 0) return;
      const part = text.slice(0, end);
      const skip = content === undefined ? 2 : content < 0 ? 3 : 0;
      text = text.slice(end + skip);
      if (content === undefined) command(part);
      else {
        content = undefined;
        heard.push(part);
        endOfContent();
      }
    }
  };
  plain.on('data', listen);
  say(script?.('', '', number), '220 mx.test ready');
}

/** `accepted`: of the recipients. */
function usualAnswer(
  verb: string,
  { keywords, accepted }: { readonly keywords: readonly string[]; readonly accepted: number },
): string {
  switch (verb) {
    case 'EHLO':
    case 'LHLO':
      return ['250-mx.test', ...keywords.map((keyword) => `250-${keyword}`), '250 HELP'].join('\n');
    case 'DATA':
      return accepted > 0 ? '354 go' : '503 5.5.1 no recipients';
    case 'QUIT':
      return '221 bye';
    case 'STARTTLS':
      return '220 go';
    default:
      return '250 2.0.0 OK';
  }
}

function contentEnd(text: string, content: number): number {
  if (content >= 0) return text.length >= content ? content : -1;
  if (text.startsWith('.\r\n')) return 0;
  const dot = text.indexOf('\r\n.\r\n');
  return dot < 0 ? -1 : dot + 2;
}

const crlf = (lines: string): string => `${lines.replaceAll('\n', '\r\n')}\r\n`;
