// A client that says IMAP commands over TLS and waits for their completion. Independent of the code
// under test on purpose.

import { connect, type TLSSocket } from 'node:tls';

export interface ImapClient {
  readonly greeting: string;
  readonly socket: TLSSocket;
  /** Untagged responses and the completion, which is the last; octets as latin1. */
  ask(command: string): Promise<string[]>;
  /** The next line, whoever asked for it. */
  line(): Promise<string>;
  write(text: string): void;
  close(): void;
}

export async function connectImap(port: number): Promise<ImapClient> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  socket.setEncoding('latin1');
  let buffer = '';
  let lost = false;
  let wake = () => {};
  socket.on('data', (text: string) => {
    buffer += text;
    wake();
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    lost = true;
    wake();
  });
  const line = async (): Promise<string> => {
    for (;;) {
      const end = buffer.indexOf('\r\n');
      if (end !== -1) {
        const found = buffer.slice(0, end);
        buffer = buffer.slice(end + 2);
        return found;
      }
      if (lost) throw new Error('connection closed');
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  let tags = 0;
  const greeting = await line();
  return {
    ...{ greeting, socket, line },
    write: (text) => void socket.write(text, 'latin1'),
    async ask(command) {
      const tag = `t${++tags}`;
      socket.write(`${tag} ${command}\r\n`, 'latin1');
      const lines: string[] = [];
      do lines.push(await line());
      while (!lines.at(-1)!.startsWith(`${tag} `));
      return lines;
    },
    close: () => socket.destroy(),
  };
}
