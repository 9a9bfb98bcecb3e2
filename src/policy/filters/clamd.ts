// clamd as a filter: the message goes to it in pieces (INSTREAM), and it says whether something is in it that it
// knows. What it finds is refused by its name. One connection for each message; what is too large for
// it is not shown to it, and taken without.

import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/error-text.ts';
import type { Dialer } from '../../net/dialer.ts';
import type { Peer } from '../../net/peer.ts';
import { reply } from '../../smtp/reply.ts';
import { storedSize } from '../../store/content.ts';
import type { Draft, FilterAnswer, Policy } from '../policy.ts';
import type { FilterReports, FilterSettings } from './filter.ts';
import { concerns, FilterVoice } from './filter.ts';

export interface ClamdSettings extends FilterSettings {
  readonly place: { readonly address: string; readonly port: number } | { readonly path: string };
  readonly connectTimeout: number;
  /** For a message. */
  readonly messageTimeout: number;
  /** Octets of a message; larger ones are not looked at. */
  readonly largest: number;
}

export interface ClamdParts {
  readonly settings: ClamdSettings;
  readonly dialer: Pick<Dialer, 'dial'>;
  readonly reports: FilterReports;
  readonly clock: Pick<Clock, 'after'>;
}

export function clamd({ settings, dialer, reports, clock }: ClamdParts): Policy {
  const voice = new FilterVoice(settings, reports);
  return {
    name: settings.name,
    async filter({ client }, draft) {
      if (!concerns(settings, client)) return undefined;
      if (storedSize(draft.arrival.content) > settings.largest)
        return { findings: [voice.said('accepted', 'not looked at', ['too large'])] };
      try {
        return answerTo(await scan(draft, { settings, dialer, clock }), voice);
      } catch (error) {
        return voice.failed(messageOf(error));
      }
    },
  };
}

function answerTo(said: string, voice: FilterVoice): FilterAnswer {
  const found = /^(?:[^:]*: )?(.*) FOUND$/.exec(said)?.[1];
  if (found !== undefined) return voice.refuses(virus(found), [found]);
  if (/^(?:[^:]*: )?OK$/.test(said)) return { findings: [voice.said('accepted', 'clean')] };
  return voice.failed(said);
}

// RFC 3463 §3.8: X.7.1. Its name tells whoever sent it in good faith what to look for.
const virus = (name: string) =>
  reply(550, '7.1', `The message was refused: ${name.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)}`);

/** What clamd says of it, without what ends it. */
async function scan(
  draft: Draft,
  { settings, dialer, clock }: Omit<ClamdParts, 'reports'>,
): Promise<string> {
  const { place, connectTimeout, messageTimeout } = settings;
  const peer = await dialer.dial({ ...place, timeoutMs: connectTimeout });
  // However steadily it trickles.
  const cancel = clock.after(messageTimeout, () => peer.destroy());
  try {
    const answer = heard(peer, messageTimeout);
    answer.catch(() => {}); // it may fail while the message is still being sent
    // It may say no, and leave, before it has read everything.
    await send(draft, peer, messageTimeout).catch(() => {});
    return await answer;
  } finally {
    cancel();
    peer.destroy();
  }
}

async function send(
  { above, below, arrival }: Draft,
  peer: Peer,
  timeoutMs: number,
): Promise<void> {
  await peer.write('zINSTREAM\0', timeoutMs);
  const fields = Buffer.from(above + below);
  if (fields.length > 0) await peer.write(framed(fields), timeoutMs);
  for await (const piece of arrival.open().read())
    if (piece.length > 0) await peer.write(framed(piece), timeoutMs);
  await peer.write(framed(Buffer.alloc(0)), timeoutMs);
}

/** Four octets of length, the most significant first; none of them ends it. */
function framed(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Limit: what it says of one message. */
const answerBytesMax = 4096;

async function heard(peer: Peer, timeoutMs: number): Promise<string> {
  let answer = '';
  while (!/[\0\n]/.test(answer)) {
    const bytes = await peer.read(timeoutMs);
    if (bytes === undefined && answer === '') throw new Error('it closed the connection');
    if (bytes === undefined) break;
    answer += Buffer.from(bytes).toString('latin1');
    if (answer.length > answerBytesMax) throw new Error('an answer without an end');
  }
  return answer.split(/[\0\n]/, 1)[0]!.trim();
}
