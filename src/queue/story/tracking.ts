// Messages whose whereabouts may be asked for (RFC 3885): who may ask is kept as a small record from their
// arrival on, where they are is read from the queue and from history when somebody asks (RFC 3887).

import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { stackOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import { decodeXtext, paramValue } from '../../mail/status/delivery-status.ts';
import type { TrackedMessage, TrackedRecipient } from '../../mail/status/tracking-status.ts';
import { startOf } from '../../smtp/envelope-requests.ts';
import type { MtrkParam } from '../../smtp/extensions/mtrk.ts';
import { trackedSeconds } from '../../smtp/extensions/mtrk.ts';
import { allRecords } from '../../store/all-records.ts';
import type { AttemptResult, HistoryStore } from '../../store/history.ts';
import type { NewMessage, NewRecipient, QueueStore } from '../../store/queue-store.ts';
import type { RecordStore } from '../../store/record-store.ts';
import { replyStatus } from '../reply-text.ts';
import { storiesOf } from './story.ts';

export interface TrackingParts {
  readonly records: Pick<RecordStore, 'put' | 'list' | 'count'>;
  readonly store: QueueStore;
  readonly history: Pick<HistoryStore, 'find' | 'findRefused'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  /** Read anew each time. */
  readonly hostname: () => string;
  /** How long mail may be in the queue: so long at least it is known. */
  readonly queuedMs: () => number;
}

const kind = 'tracked';
/** Limit: messages that can be asked for; of more, those that come are not. */
const trackedMax = 200_000;
/** Limit: RFC 3885 §3.1: at least one day; we may stop at an upper one. */
const secondsMin = 86_400;
const secondsMax = 30 * 86_400;
/** Limit: messages with one envelope id: of one sender in several transactions. */
const messagesMax = 20;
/** Limit: messages with it that are looked at: others may have chosen the same one, by chance or not. */
const lookedAtMax = 1000;

/** `original` is how the client named it, `orcpt` the value of its ORCPT. */
type KeptRecipient = readonly [final: string, original: string, orcpt?: string];

interface Kept {
  readonly id: string;
  readonly certifier: string;
  readonly received: number;
  readonly recipients: readonly KeptRecipient[];
}

/** Limit: recipients that are told of. */
const recipientsMax = 200;

export class Tracking {
  readonly #parts: TrackingParts;

  constructor(parts: TrackingParts) {
    this.#parts = parts;
  }

  /** Once the message is queued. Never fails: a message that cannot be tracked is delivered all the same. */
  async note(message: NewMessage, mtrk: MtrkParam): Promise<void> {
    const { id, params, received, recipients } = message;
    const { records, clock, log, queuedMs } = this.#parts;
    const envid = paramValue(params, 'ENVID');
    if (envid === undefined) return;
    try {
      if ((await records.count(kind)) >= trackedMax) return;
      const wanted = Math.min(Math.max(mtrk.seconds ?? trackedSeconds, secondsMin), secondsMax);
      const named = recipients.slice(0, recipientsMax).map(keptRecipient);
      const kept: Kept = { id, certifier: mtrk.certifier, received, recipients: named };
      const now = clock.now();
      // RFC 3885 §3.1: known at least for as long as it is in the queue, also where it is to leave later.
      const start = Math.max(now, startOf(message));
      const expires = Math.max(now + wanted * 1000, start + queuedMs() + secondsMin * 1000);
      await records.put([{ kind, key: keyOf(envid, id), value: JSON.stringify(kept), expires }]);
    } catch (error) {
      log.warn('message not tracked', { id, error: stackOf(error) });
    }
  }

  /** [] when there is no such message, or the secret is another one. */
  async find(envid: string, secret: Uint8Array): Promise<readonly TrackedMessage[]> {
    const certifier = createHash('sha1').update(secret).digest();
    const found: TrackedMessage[] = [];
    let lookedAt = 0;
    for await (const { value } of allRecords(this.#parts.records, kind, {
      prefix: keyOf(envid, ''),
    })) {
      lookedAt += 1;
      const kept = JSON.parse(value) as Kept;
      const known = Buffer.from(kept.certifier, 'base64');
      if (known.length === certifier.length && timingSafeEqual(known, certifier))
        found.push(await this.#whereabouts(envid, kept));
      if (found.length === messagesMax || lookedAt === lookedAtMax) break;
    }
    return found;
  }

  async #whereabouts(envid: string, kept: Kept): Promise<TrackedMessage> {
    const { store, history, hostname, queuedMs } = this.#parts;
    const stories = await storiesOf({ store, history }, kept.id);
    const story = stories.find(({ id }) => id === kept.id);
    const last = new Map<string, AttemptResult & { readonly at: number }>();
    for (const event of story?.events ?? [])
      if (event.kind === 'attempt')
        for (const result of event.results) last.set(result.address, { ...result, at: event.at });
    const cancelled = new Set(
      story?.events.flatMap((event) => (event.kind === 'cancelled' ? event.recipients : [])),
    );
    const counts = new Map<string, number>();
    for (const [, original] of kept.recipients)
      counts.set(original, (counts.get(original) ?? 0) + 1);
    const queued = new Map(story?.queued?.recipients.map((one) => [one.address, one]));
    // RFC 3886 §3.3.3: whom an alias with several leads to is nobody's business, and not trackable.
    const isSeveral = (original: string) => (counts.get(original) ?? 0) > 1;
    const several = [...counts.keys()].filter(isSeveral).map(
      (original): TrackedRecipient => ({
        ...{ original: `rfc822;${original}`, final: original, action: 'expanded', status: '2.1.5' },
      }),
    );
    const single = kept.recipients.filter(([, original]) => !isSeveral(original));
    const recipients = single.map(([final, named, orcpt]): TrackedRecipient => {
      const result = last.get(final);
      const waiting = queued.get(final);
      const original = orcpt ?? `rfc822;${named}`;
      const where = { original, final: named, ...attemptFacts(result) };
      if (waiting === undefined)
        return { ...where, ...concluded(cancelled.has(final) ? 'cancelled' : result) };
      const { lastReply } = waiting;
      const status = lastReply === undefined ? '4.0.0' : replyStatus(lastReply);
      const willRetryUntil = startOf(story!.queued!) + queuedMs();
      return { ...where, action: 'delayed', status, willRetryUntil };
    });
    return {
      ...{ envelopeId: envid, reportingMta: hostname(), arrival: kept.received },
      recipients: [...several, ...recipients],
    };
  }
}

/** `<` and `>` may stand around it, and any character in the form of xtext; none is a space here. */
const keyOf = (envid: string, id: string): string =>
  `${decodeXtext(envid)
    .replace(/^<(.*)>$/, '$1')
    .replaceAll(' ', '+20')} ${id}`;

function keptRecipient({ address, original = address, params }: NewRecipient): KeptRecipient {
  const orcpt = paramValue(params, 'ORCPT');
  return orcpt === undefined ? [address, original] : [address, original, orcpt];
}

function attemptFacts(
  result: (AttemptResult & { readonly at: number }) | undefined,
): Pick<TrackedRecipient, 'lastAttempt' | 'remoteMta'> {
  if (result === undefined || result.result === 'skipped') return {};
  // `mx.example.net [192.0.2.1]:25`, or what there is of it; a path of ours is nobody's business.
  const host = result.host?.split(' ', 1)[0]?.replace(/:\d+$/, '');
  return { lastAttempt: result.at, remoteMta: host?.startsWith('/') ? undefined : host };
}

/** What became of a recipient that has left the queue. */
function concluded(
  result: AttemptResult | 'cancelled' | undefined,
): Pick<TrackedRecipient, 'action' | 'status'> {
  if (result === 'cancelled') return { action: 'failed', status: '5.0.0' };
  switch (result?.result) {
    case 'delivered':
      return { action: 'delivered', status: '2.0.0' };
    case 'relayed':
      return result.tracked === true
        ? { action: 'transferred', status: '2.4.0' }
        : { action: 'relayed', status: '2.1.9' };
    case 'failed':
    case 'expired':
      return { action: 'failed', status: statusOf(result.reply) };
    // History was cut, or lost.
    default:
      return { action: 'opaque', status: '2.0.0' };
  }
}

/** `550 5.1.1 Nobody` → 5.1.1. Of what was given up after waiting it is X.4.7. */
function statusOf(said: string): string {
  const [, status = '5.0.0'] = /^\d{3} (\d\.\d{1,3}\.\d{1,3})/.exec(said) ?? [];
  return status.startsWith('5') ? status : '5.4.7';
}
