// What an attacker brings along: raw bytes in, everything the server says out, and a look at what it
// costs the server in memory.

import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { RunningProcess } from '../process.ts';

export const mebi = 2 ** 20;

export interface Attack {
  readonly socket: Socket;
  /** Everything the server said so far. */
  said(): string;
  /** Resolves to all it said once it has closed the connection, however it did, or after 90 s. */
  readonly over: Promise<string>;
}

export function attack(port: number, address = '127.0.0.1'): Promise<Attack> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: address });
    let text = '';
    socket.setNoDelay();
    socket.setEncoding('latin1');
    socket.on('data', (piece: string) => {
      text += piece;
    });
    socket.once('error', reject);
    socket.on('error', () => {});
    const bound = setTimeout(() => socket.destroy(), 90_000);
    const over = new Promise<string>((end) =>
      socket.once('close', () => {
        clearTimeout(bound);
        end(text);
      }),
    );
    socket.once('connect', () => resolve({ socket, said: () => text, over }));
  });
}

/** Sends it all as fast as the server takes it, and resolves to all it said until it hung up. */
export async function send(port: number, pieces: Iterable<string | Uint8Array>): Promise<string> {
  const { socket, over } = await attack(port);
  let isOver = false;
  void over.then(() => {
    isOver = true;
  });
  for (const piece of pieces) {
    if (isOver) break;
    const taken = typeof piece === 'string' ? socket.write(piece, 'latin1') : socket.write(piece);
    if (!taken) await Promise.race([new Promise((go) => socket.once('drain', go)), over]);
  }
  return over;
}

/** The status codes in order, one for each reply. */
export const codes = (said: string): string[] =>
  [...said.matchAll(/^(\d{3}) .*\r\n/gm)].map(([, code]) => code!);

/** How often each status code came. */
export function tally(said: string): Record<string, number> {
  const counts = new Map<string, number>();
  for (const code of codes(said)) counts.set(code, (counts.get(code) ?? 0) + 1);
  return Object.fromEntries(counts);
}

/** The most memory the process ever had in use, in MiB; 0 where there is no /proc. */
export function peakMebibytes({ child }: RunningProcess): number {
  try {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** A next hop that takes mail by DATA and keeps the octets between the 354 and its own 250. */
export interface RawHop extends AsyncDisposable {
  readonly port: number;
  /** All that came over all connections, the greeting to the QUIT. */
  readonly streams: string[];
}

/** It offers nothing, so that everything has to come by DATA, in lines. */
export async function startRawHop(): Promise<RawHop> {
  const streams: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    const at = streams.push('') - 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.setEncoding('latin1');
    socket.write('220 next.test ESMTP\r\n');
    let buffer = '';
    let inData = false;
    socket.on('data', (text: string) => {
      streams[at] += text;
      buffer += text;
      for (;;) {
        const mark = inData ? '\r\n.\r\n' : '\r\n';
        const end = buffer.indexOf(mark);
        if (end < 0) return;
        const line = buffer.slice(0, end).toUpperCase();
        buffer = buffer.slice(end + mark.length);
        const wasData = inData;
        inData = !wasData && line === 'DATA';
        if (inData) socket.write('354 go ahead\r\n');
        else if (!wasData && line === 'QUIT') socket.end('221 bye\r\n');
        else socket.write('250 2.0.0 OK\r\n');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    streams,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
