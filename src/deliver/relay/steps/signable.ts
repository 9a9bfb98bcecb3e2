// A message that is to be signed, read once: its header when it is whole, and the hash of its body. What nobody
// signs is read to the end of its header only. RFC 6376 §3.7.

import { inTurns } from '../../../base/in-turns.ts';
import { findHeaderEnd, headerEndWithin } from '../../../mail/header/header.ts';
import type { Reply } from '../../../smtp/reply.ts';
import { BodyHasher } from '../../../trust/canonical.ts';
import type { RawField } from '../../../trust/canonical-text.ts';
import type { DkimSigner } from '../../../trust/dkim-sign.ts';
import { SignedMessage } from '../../../trust/signed-message.ts';
import type { OutboundMessage } from './outbound-step.ts';

export interface Signable {
  readonly signers: readonly DkimSigner[];
  readonly fields: readonly RawField[];
  /** Relaxed, at its end. */
  readonly body: BodyHasher;
}

/** Who signs a message with this header; nobody where the list is empty. */
export type ChooseSigners = (head: Buffer) => readonly DkimSigner[] | { readonly refuse: Reply };

export type Reading = Signable | { readonly refuse: Reply } | undefined;

export async function readSignable(
  message: OutboundMessage,
  choose: ChooseSigners,
): Promise<Reading> {
  let begun: Signable | undefined;
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  // Each look is at twice as much as the one before, so that all of them are linear.
  let lookAt = 0;
  for await (const piece of piecesOf(message)) {
    if (begun !== undefined) {
      await inTurns(piece, (slice) => begun!.body.update(slice));
      continue;
    }
    pieces.push(message.pieces === undefined ? Buffer.from(piece) : piece);
    bytes += piece.length;
    if (bytes < lookAt) continue;
    lookAt = 2 * bytes;
    const start = Buffer.concat(pieces);
    const end = headerEndWithin(start);
    if (end === undefined) continue;
    const beginning = await begin(start, end, choose);
    if (beginning === undefined || 'refuse' in beginning) return beginning;
    begun = beginning;
  }
  if (begun !== undefined) return begun;
  const all = Buffer.concat(pieces);
  return begin(all, findHeaderEnd(all), choose);
}

/** Limit: octets of a message in memory that are looked at for the end of its header at once. */
const portionBytes = 64 * 1024;

/** What is in memory as it lies there. */
const piecesOf = (message: OutboundMessage): Iterable<Uint8Array> | AsyncIterable<Uint8Array> =>
  message.pieces === undefined ? message.read({ reuse: true }) : portions(message.pieces);

function* portions(pieces: readonly Uint8Array[]): Generator<Uint8Array> {
  for (const piece of pieces)
    for (let at = 0; at < piece.length; at += portionBytes)
      yield piece.subarray(at, at + portionBytes);
}

async function begin(start: Buffer, end: number, choose: ChooseSigners): Promise<Reading> {
  const head = start.subarray(0, end);
  const signers = choose(head);
  if ('refuse' in signers) return signers;
  if (signers.length === 0) return undefined;
  const body = new BodyHasher('relaxed');
  await inTurns(start.subarray(end), (slice) => body.update(slice));
  return { signers, fields: new SignedMessage(head).fields, body };
}

/** The message with fields in front of its own. */
export function inFront(message: OutboundMessage, fields: string): OutboundMessage {
  const { pieces, size } = message;
  const front = Buffer.from(fields);
  return {
    ...message,
    size: front.length + size,
    pieces: pieces === undefined ? undefined : [front, ...pieces],
    async *read(options) {
      yield front;
      yield* message.read(options);
    },
  };
}
