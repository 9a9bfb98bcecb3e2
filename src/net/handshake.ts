// Waits for a TLS handshake, of either side, over a socket that nobody reads meanwhile.

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { PeerTimeout } from './peer.ts';

/** How long each took that is up, in milliseconds. */
const tookMs = new WeakMap<TLSSocket, number>();

/** Undefined of a connection that somebody else put under TLS. */
export const handshakeTookMs = (secured: TLSSocket): number | undefined => tookMs.get(secured);

/** How long the other side may take. */
export const handshakeMs = 30_000;

/**
 * Resolves to what `up` makes at the moment when `secured`, which lies over `socket`, is up: nothing
 * that comes after it is missed. @throws Error when the handshake fails or takes longer than
 * `timeoutMs`: then both are gone. Its message is a reason for a log, one line.
 */
export function handshake<T>(
  { socket, secured }: { readonly socket: Socket; readonly secured: TLSSocket },
  timeoutMs: number,
  up: () => T,
): Promise<T> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      clearTimeout(timer);
      secured.destroy();
      socket.destroy();
      reject(inWords(error));
    };
    const timer = setTimeout(() => fail(new PeerTimeout('TLS handshake timed out')), timeoutMs);
    const closed = () => fail(new Error('connection closed during the TLS handshake'));
    secured.once('error', fail);
    secured.once('_tlsError', fail);
    secured.once('close', closed);
    secured.once('end', closed); // an end of one direction only is no excuse here
    secured.once('secure', () => {
      clearTimeout(timer);
      tookMs.set(secured, performance.now() - began);
      const made = up();
      secured.off('error', fail);
      secured.off('_tlsError', fail);
      secured.off('close', closed);
      secured.off('end', closed);
      resolve(made);
    });
  });
}

/** OpenSSL's own message is several lines with addresses in memory and its source files in them. */
function inWords(error: Error): Error {
  const { reason } = error as { reason?: unknown };
  if (typeof reason === 'string') error.message = reason;
  return error;
}
