// The step that signs what is ours: by each active key of the domains in From, in front of the message as it
// is sent. RFC 6376 §5. Where there are no keys, nothing is read and nothing waits. A key that cannot be read
// keeps its domain's mail in the queue: unsigned it might be refused for good by others.

import { domainKey } from '../../mail/address.ts';
import { authorDomains } from '../../mail/author-domains.ts';
import { findHeaderEnd, headerEndWithin } from '../../mail/header.ts';
import type { Reply } from '../../smtp/reply.ts';
import { reply } from '../../smtp/reply.ts';
import { BodyHasher } from '../../trust/canonical.ts';
import { DkimKeyRing } from '../../trust/dkim-key-ring.ts';
import type { DkimSigner } from '../../trust/dkim-sign.ts';
import { dkimField } from '../../trust/dkim-sign.ts';
import type { RawField } from '../../trust/signature.ts';
import { SignedMessage } from '../../trust/signed-message.ts';
import type { OutboundMessage, Prepared, StepMaker } from './outbound-step.ts';

export interface SignSettings {
  /** Where the keys are. */
  readonly directory: string;
}

export const signing: StepMaker<SignSettings> = (settings, { clock, log }) => {
  if (settings === undefined) return undefined;
  const ring = new DkimKeyRing({ ...settings, clock, log });
  return (message) =>
    message.sign !== true || ring.isEmpty
      ? message
      : signed(message, ring, Math.floor(clock.now() / 1000));
};

async function signed(
  message: OutboundMessage,
  ring: DkimKeyRing,
  seconds: number,
): Promise<Prepared> {
  const begun = await hashed(message, ring);
  if (begun === undefined) return message;
  if ('refuse' in begun) return begun;
  const { signers, ...parts } = begun;
  let front = '';
  for (const signer of signers) front += await dkimField(signer, { ...parts, seconds });
  return inFront(message, Buffer.from(front));
}

interface Begun {
  readonly signers: readonly DkimSigner[];
  readonly fields: readonly RawField[];
  readonly body: BodyHasher;
}

type Beginning = Begun | { readonly refuse: Reply } | undefined;

/** Reads the message to its end, or to the end of its header where nothing is to be signed. */
async function hashed(message: OutboundMessage, ring: DkimKeyRing): Promise<Beginning> {
  let begun: Begun | undefined;
  const pieces: Buffer[] = [];
  let bytes = 0;
  // Each look is at twice as much as the one before, so that all of them are linear.
  let lookAt = 0;
  for await (const piece of message.read({ reuse: true })) {
    if (begun !== undefined) {
      begun.body.update(piece);
      continue;
    }
    pieces.push(Buffer.from(piece));
    bytes += piece.length;
    if (bytes < lookAt) continue;
    lookAt = 2 * bytes;
    const start = Buffer.concat(pieces);
    const end = headerEndWithin(start);
    if (end === undefined) continue;
    const beginning = begin(start, end, ring);
    if (beginning === undefined || 'refuse' in beginning) return beginning;
    begun = beginning;
  }
  if (begun !== undefined) return begun;
  const all = Buffer.concat(pieces);
  return begin(all, findHeaderEnd(all), ring);
}

function begin(start: Buffer, end: number, ring: DkimKeyRing): Beginning {
  const head = start.subarray(0, end);
  const signers = signersOf(head, ring);
  if ('refuse' in signers) return signers;
  if (signers.length === 0) return undefined;
  const body = new BodyHasher('relaxed');
  body.update(start.subarray(end));
  return { signers, fields: new SignedMessage(head).fields, body };
}

/** Limit: domains that sign one message. */
const domainsMax = 5;

function signersOf(
  head: Buffer,
  ring: DkimKeyRing,
): readonly DkimSigner[] | { readonly refuse: Reply } {
  const signers = new Map<string, readonly DkimSigner[]>();
  for (const name of new Set(authorDomains(head).map(domainKey))) {
    const found = ring.keysFor(name);
    if (found === undefined) continue;
    // RFC 3463 §3.8: X.7.0; its sender has done nothing wrong, so that it waits.
    if (found.kind === 'unreadable') return { refuse: reply(451, '7.0', found.problem) };
    // Two names may be below the same domain.
    signers.set(found.signers[0]!.domain, found.signers);
    if (signers.size === domainsMax) break;
  }
  return [...signers.values()].flat();
}

function inFront(message: OutboundMessage, front: Buffer): OutboundMessage {
  const { pieces, size } = message;
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
