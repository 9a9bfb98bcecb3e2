// When a certificate is to be renewed, as its authority advises; and when to ask it again. RFC 9773.

import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { HttpError } from '../net/http-request.ts';
import type { AcmeClient } from './acme-client.ts';
import type { KeptCertificate } from './kept.ts';
import { AcmeError, readRenewalInfo } from './messages.ts';
import { advisedRenewal, certificateId, readCertificate, usualRenewal } from './renewal.ts';

export interface AdviceParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** When the authority is asked for its advice: RFC 9773 §4.3.3, where it does not say. */
const adviceMs = 6 * 60 * 60_000;
const adviceMsMin = 60 * 60_000;
const adviceMsMax = 24 * 60 * 60_000;

/** When to renew: RFC 9773, or our own rule where the authority has nothing to say, or does not answer. */
export async function advised(
  client: AcmeClient,
  kept: KeptCertificate,
  { clock, random, log }: AdviceParts,
): Promise<KeptCertificate> {
  const certificate = readCertificate(kept.certificate);
  const { renewAt: before, obtained } = kept;
  try {
    const { renewalInfo } = await client.directory();
    const id = certificateId(certificate);
    if (renewalInfo === undefined || id === undefined)
      return { ...kept, renewAt: usualRenewal(certificate), adviceAt: undefined };
    const answer = await client.get(`${renewalInfo.replace(/\/$/, '')}/${id}`);
    const window = readRenewalInfo(answer.json());
    const waitMs = (answer.retryAt ?? clock.now() + adviceMs) - clock.now();
    // Chosen once: who chooses anew at each look comes early in the end.
    const isInside = before >= window.start && before <= window.end;
    const chance = { obtained, fraction: random.fraction() };
    return {
      ...kept,
      renewAt: isInside ? before : advisedRenewal(certificate, window, chance),
      adviceAt: clock.now() + Math.min(Math.max(waitMs, adviceMsMin), adviceMsMax),
    };
  } catch (error) {
    if (!(error instanceof AcmeError || error instanceof HttpError)) throw error;
    log.debug('no advice on renewal', { error: error.message });
    return { ...kept, renewAt: before, adviceAt: clock.now() + adviceMs };
  }
}
