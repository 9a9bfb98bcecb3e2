// The step that signs what is ours: by each active key of the domains in From, in front of the message as it
// is sent. RFC 6376 §5. Where there are no keys, nothing is read and nothing waits. A key that cannot be read
// keeps its domain's mail in the queue: unsigned it might be refused for good by others.

import { domainKey } from '../../../mail/fields/address.ts';
import { authorDomains } from '../../../mail/fields/author-domains.ts';
import type { Reply } from '../../../smtp/reply.ts';
import { reply } from '../../../smtp/reply.ts';
import { DkimKeyRing } from '../../../trust/dkim-key-ring.ts';
import type { DkimSigner } from '../../../trust/dkim-sign.ts';
import { dkimFields } from '../../../trust/dkim-sign.ts';
import type { OutboundMessage, Prepared, StepMaker } from './outbound-step.ts';
import { inFront, readSignable } from './signable.ts';

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
  const reading = await readSignable(message, (head) => signersOf(head, ring));
  if (reading === undefined) return message;
  if ('refuse' in reading) return reading;
  const { signers, ...parts } = reading;
  return inFront(message, await dkimFields(signers, { ...parts, seconds }));
}

/** Limit: domains that sign one message. */
const domainsMax = 5;

function signersOf(
  head: Buffer,
  ring: DkimKeyRing,
): readonly DkimSigner[] | { readonly refuse: Reply } {
  const signers = new Map<string, readonly DkimSigner[]>();
  for (const name of new Set(authorDomains(head)?.map(domainKey))) {
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
