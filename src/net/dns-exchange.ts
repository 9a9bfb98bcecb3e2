// One question to one name server: by UDP, and by TCP when the answer does not fit. RFC 1035 §4.2,
// RFC 7766. Each question has a socket of its own and so a source port the system picks at random;
// the socket is connected, so that the kernel drops what comes from anybody else (RFC 5452 §9).

import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { Clock } from '../base/clock.ts';

export interface NameServer {
  readonly address: string;
  readonly port: number;
}

/** What to do with a message: a result, or undefined to go on waiting. */
export type ReadMessage<T> = (message: Buffer) => T | undefined;

export interface Exchange<T> {
  readonly server: NameServer;
  readonly query: Buffer;
  readonly read: ReadMessage<T>;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** The server said nothing that counts. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** Limit: what else than the answer may come to a socket before we leave it. */
const foreignMax = 100;

/** @throws NoAnswer after `timeoutMs`, or at once when nobody listens there. */
export function askByUdp<T>({ server, query, read, timeoutMs, clock }: Exchange<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server.address.split('%')[0]!) ? 'udp6' : 'udp4');
    let foreign = 0;
    const cancelTimer = clock.after(timeoutMs, () => fail('no answer in time'));
    let done = false;
    function finish(): boolean {
      if (done) return false;
      done = true;
      cancelTimer();
      socket.close();
      return true;
    }
    function fail(why: string): void {
      if (finish()) reject(new NoAnswer(why));
    }
    socket.on('error', (error) => fail(error.message));
    socket.on('message', (message) => {
      const result = read(message);
      if (result !== undefined) {
        if (finish()) resolve(result);
      } else {
        foreign += 1;
        if (foreign > foreignMax) fail('answers that nobody asked for');
      }
    });
    socket.on('connect', () => {
      if (!done) socket.send(query, (error) => error && fail(error.message));
    });
    // Without a callback: one is called, too, where there is no way to the server, and nothing can be sent then.
    socket.connect(server.port, server.address);
  });
}

/** @throws NoAnswer after `timeoutMs`, or when the connection breaks. */
export function askByTcp<T>({ server, query, read, timeoutMs, clock }: Exchange<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.address, port: server.port });
    const cancelTimer = clock.after(timeoutMs, () => fail('no answer in time'));
    // RFC 1035 §4.2.2: two octets of length come before the message, which bounds it.
    let received: Buffer = Buffer.alloc(0);
    function fail(why: string): void {
      cancelTimer();
      socket.destroy();
      reject(new NoAnswer(why));
    }
    socket.on('error', (error) => fail(error.message));
    socket.on('end', () => fail('the connection ended'));
    socket.on('connect', () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(query.length);
      // RFC 7766 §8: length and message in one segment.
      socket.write(Buffer.concat([length, query]));
    });
    socket.on('data', (bytes: Buffer) => {
      received = received.length === 0 ? bytes : Buffer.concat([received, bytes]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const result = read(received.subarray(2, 2 + received.readUInt16BE(0)));
      if (result === undefined) return fail('an answer to another question');
      cancelTimer();
      socket.destroy();
      resolve(result);
    });
  });
}
