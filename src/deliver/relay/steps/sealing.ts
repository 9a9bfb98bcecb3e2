// The step that seals what is sent on: what we saw of it when it came, for whoever gets it from us. RFC 8617 §5.1.
// A seal is a courtesy: where there is no key for it, or none that can be read, the message goes without.

import { arcSet } from '../../../trust/arc-seal.ts';
import { DkimKeyRing } from '../../../trust/dkim-key-ring.ts';
import type { DkimSigner } from '../../../trust/dkim-sign.ts';
import { namesToSign } from '../../../trust/dkim-sign.ts';
import type { OutboundMessage, SealRequest, StepMaker } from './outbound-step.ts';
import { inFront, readSignable } from './signable.ts';
import type { SignSettings } from './signing.ts';

export const sealing: StepMaker<SignSettings> = (settings, { clock, log }) => {
  if (settings === undefined) return undefined;
  const ring = new DkimKeyRing({ ...settings, clock, log });
  return (message) => {
    if (message.seal === undefined || ring.isEmpty) return message;
    const signer = signerOf(message.seal, ring);
    if (signer === undefined) return message;
    return sealed(message, { ...message.seal, signer, seconds: Math.floor(clock.now() / 1000) });
  };
};

/** RFC 8617 §4.1.3: one signature, with an algorithm that every verifier knows. */
function signerOf({ domain }: SealRequest, ring: DkimKeyRing): DkimSigner | undefined {
  const found = ring.keysFor(domain);
  if (found?.kind !== 'signers') return undefined;
  return found.signers.find(({ privateKey }) => privateKey.asymmetricKeyType === 'rsa');
}

interface Sealing extends SealRequest {
  readonly signer: DkimSigner;
  readonly seconds: number;
}

async function sealed(
  message: OutboundMessage,
  { signer, chain, results, seconds }: Sealing,
): Promise<OutboundMessage> {
  const reading = await readSignable(message, () => [signer]);
  if (reading === undefined || 'refuse' in reading) return message;
  const { fields, body } = reading;
  // RFC 8617 §4.1.2: the signatures of others are among what is signed.
  const signatures = fields.filter(({ lowerName }) => lowerName === 'dkim-signature');
  const signedNames = [...namesToSign(fields), ...signatures.map(({ lowerName }) => lowerName)];
  const set = await arcSet(signer, { fields, body, chain, results, signedNames, seconds });
  return set === undefined ? message : inFront(message, set);
}
