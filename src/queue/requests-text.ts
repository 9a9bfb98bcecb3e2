// What the sender of a message asked of us, in words: for the log, `queue show` and `why`.

import type { EnvelopeRequests } from '../smtp/envelope-requests.ts';
import { requestsOf } from '../smtp/envelope-requests.ts';

/** [] for nearly all mail. */
export function requestsText(message: Parameters<typeof requestsOf>[0]): readonly string[] {
  const { priority, release, deliverBy } = requestsOf(message);
  const texts: string[] = [];
  if (release !== undefined) texts.push(`to leave at ${isoTime(release)}`);
  if (deliverBy !== undefined) texts.push(deliverByText(deliverBy));
  if (priority !== 0) texts.push(`priority ${priority}`);
  return texts;
}

function deliverByText({ at, mode, trace }: NonNullable<EnvelopeRequests['deliverBy']>): string {
  const late = mode === 'R' ? 'or returned' : 'or its sender told';
  return `to be delivered by ${isoTime(at)} ${late}${trace ? ', and traced' : ''}`;
}

const isoTime = (ms: number): string => new Date(ms).toISOString();
