// From what happened at the other end to what the queue records and whom it tells: one outcome for
// each recipient. A 4yz defers, a 5yz bounces, anything unforeseen defers; a recipient is given up
// only after an attempt, its own or one just made at the same destination, never because of the clock
// alone. Pure, so that it can be read and tested.

import { unreachable } from '../../base/assert.ts';
import type { Random } from '../../base/random.ts';
import type { Action } from '../../mail/status/delivery-status.ts';
import type { DeliverBy } from '../../smtp/envelope-requests.ts';
import { requestsOf } from '../../smtp/envelope-requests.ts';
import { isPermanent } from '../../smtp/reply.ts';
import { localError } from '../../smtp/smtp-error.ts';
import type { AttemptResult, Untold } from '../../store/history.ts';
import type { Lease, LeasedRecipient, Outcome, Settlement } from '../../store/queue-store.ts';
import type { RecipientResult, Skipped } from '../delivery.ts';
import { replyText } from '../reply-text.ts';
import type { Report, ReportedRecipient } from '../reports/bounce.ts';
import { whyUntold } from '../reports/bounce.ts';
import { attemptByAge, retryDelayMs } from './retry.ts';

/** Milliseconds, by the names of the configuration's `queue`. */
export interface RetrySettings {
  readonly retryAfter: readonly number[];
  readonly warnAfter: number;
  readonly expireAfter: number;
}

export interface Outcomes {
  readonly outcomes: Settlement['outcomes'];
  readonly effects: Settlement['effects'];
  readonly reports: readonly Report[];
  readonly results: readonly AttemptResult[];
  /** Why nobody is told of a failure, where that is so. */
  readonly untold: Untold | undefined;
  /** When the first of those deferred is due again. */
  readonly nextDue: number | undefined;
}

const delivered: Outcome = { kind: 'delivered' };
const failed: Outcome = { kind: 'failed' };
const nothing: readonly never[] = [];
/** RFC 2852 §4.1.3: not delivered by when it was to be, and returned, or told of. */
const lateStatus = { failed: '5.4.7', delayed: '4.4.7' } as const;
/** A delivery that says nothing of a recipient says "later". */
const noResult: RecipientResult = { kind: 'deferred', reply: localError };
// RFC 3463 §3.5: X.4.7, delivery time expired; a persistent transient failure is 4.
const expiredStatus = '4.4.7';

interface Conclusion {
  readonly outcome: Outcome;
  readonly result: AttemptResult['result'];
  readonly action: Action | undefined;
  /** It is reported because it is late. */
  readonly late?: boolean;
  /** The sender hears of it though they did not ask for it in NOTIFY. */
  readonly traced?: boolean;
}

/** What holds for all recipients of a lease. */
interface Circumstances {
  readonly now: number;
  readonly settings: RetrySettings;
  readonly random: Pick<Random, 'fraction'>;
  /** From when on it may be on its way. */
  readonly start: number;
  readonly deliverBy: DeliverBy | undefined;
}

/** What follows from an attempt that ended at `now`, or was not made. */
export function outcomesOf(
  lease: Lease,
  given: readonly (RecipientResult | Skipped)[],
  context: Pick<Circumstances, 'now' | 'settings' | 'random'>,
): Outcomes {
  const { now, settings } = context;
  const { deliverBy, release } = requestsOf(lease.message);
  const start = Math.max(lease.message.received, release ?? 0);
  const circumstances = { ...context, start, deliverBy };
  const outcomes: { index: number; fence: number; outcome: Outcome }[] = [];
  const results: AttemptResult[] = [];
  let effects: Settlement['effects'] = nothing;
  let reported: Map<string, Report & { readonly recipients: ReportedRecipient[] }> | undefined;
  let nextDue: number | undefined;
  let untold: Untold | undefined;
  for (let i = 0; i < lease.recipients.length; i += 1) {
    const recipient = lease.recipients[i]!;
    const result = given[i] ?? noResult;
    const conclusion = conclusionOn(recipient, result, circumstances);
    const { outcome, action, traced = false } = conclusion;
    outcomes.push({ index: recipient.index, fence: recipient.fence, outcome });
    results.push(attemptResult(recipient, result, conclusion));
    if (result.kind === 'delivered' && result.effects !== undefined)
      effects = effects.length === 0 ? result.effects : effects.concat(result.effects);
    if ('until' in outcome) nextDue = Math.min(nextDue ?? outcome.until, outcome.until);
    if (action === undefined) continue;
    const why = whyUntold(lease.message.sender, recipient.params, { action, traced });
    if (why !== undefined) {
      if (action === 'failed') untold = why;
      continue;
    }
    reported ??= new Map();
    const key = `${action} ${traced}`;
    const retryUntil =
      action === 'delayed' ? Math.max(start + settings.expireAfter, now) : undefined;
    const same = reported.get(key) ?? { action, traced, retryUntil, recipients: [] };
    same.recipients.push(reportedRecipient(recipient, result, conclusion));
    reported.set(key, same);
  }
  const reports = reported === undefined ? nothing : [...reported.values()];
  return { outcomes, effects, reports, results, untold, nextDue };
}

function conclusionOn(
  recipient: LeasedRecipient,
  result: RecipientResult | Skipped,
  context: Circumstances,
): Conclusion {
  switch (result.kind) {
    case 'delivered':
      return { outcome: delivered, result: 'delivered', action: 'delivered' };
    case 'relayed':
      return relayed(result, context);
    case 'failed':
      // A failure that does not say 5yz is a mistake of ours, and mistakes delay mail only.
      if (!isPermanent(result.reply)) return deferral(recipient, context);
      return { outcome: failed, result: 'failed', action: 'failed' };
    case 'deferred':
      return deferral(recipient, context, result.reply);
    case 'skipped':
      return skip(recipient, context);
    default:
      return unreachable(result);
  }
}

function relayed(
  { dsn, deliverBy: kept = false }: Extract<RecipientResult, { readonly kind: 'relayed' }>,
  { deliverBy, now }: Circumstances,
): Conclusion {
  // RFC 2852 §4.1.4: whoever traces a message hears of each hop, and everybody where the trace of the time ends.
  const untold = deliverBy?.mode === 'N' && !kept && now < deliverBy.at;
  const traced = deliverBy?.trace === true || untold;
  // RFC 3461 §5.2.2 (b): reported as relayed when the next hop will not report it.
  const action = traced || !dsn ? 'relayed' : undefined;
  return { outcome: delivered, result: 'relayed', action, traced };
}

function deferral(
  recipient: LeasedRecipient,
  { now, settings, random, start, deliverBy }: Circumstances,
  reply = localError,
): Conclusion {
  const givenUp = start + settings.expireAfter;
  const returned = deliverBy?.mode === 'R' ? deliverBy.at : givenUp;
  const expires = Math.min(givenUp, returned);
  // RFC 5321 §4.5.4.1: "the give-up time generally needs to be at least 4-5 days".
  if (now >= expires)
    return { outcome: failed, result: 'expired', action: 'failed', late: returned < givenUp };
  // The sender who says when it is late is told then, and not before.
  const late = deliverBy?.mode === 'N' && deliverBy.at < givenUp;
  const warnAt = late ? deliverBy.at : start + settings.warnAfter;
  const warn = !recipient.warned && now >= warnAt;
  const retryAt = now + retryDelayMs(recipient.attempt, settings.retryAfter, random);
  // The last attempt is made when time is up, not a retry interval later; and so is one when it is late.
  const next = Math.min(retryAt, expires);
  const until = late && warnAt > now ? Math.min(next, warnAt) : next;
  return {
    outcome: { kind: 'deferred', until, reply, ...(warn && { warned: true }) },
    result: 'deferred',
    action: warn ? 'delayed' : undefined,
    late,
  };
}

/** As if it had been deferred, but that no attempt is counted and nothing was said to it. */
function skip(recipient: LeasedRecipient, context: Circumstances): Conclusion {
  const { now, settings, start } = context;
  // Attempts are not counted, so the step of the schedule comes from the age: what waits for a dead
  // destination comes by less and less often.
  const step = attemptByAge(now - start, settings.retryAfter);
  const attempt = Math.max(recipient.attempt, step);
  const conclusion = deferral({ ...recipient, attempt }, context);
  if (conclusion.outcome.kind !== 'deferred') return conclusion;
  const { until, warned } = conclusion.outcome;
  const outcome = { kind: 'skipped', until, ...(warned && { warned }) } as const;
  return { ...conclusion, outcome, result: 'skipped' };
}

function attemptResult(
  recipient: LeasedRecipient,
  given: RecipientResult | Skipped,
  { outcome, result }: Conclusion,
): AttemptResult {
  const { kind, reply, facts } = given;
  return {
    address: recipient.address,
    attempt: kind === 'skipped' ? recipient.attempt - 1 : recipient.attempt,
    result,
    reply: replyText(reply),
    until: 'until' in outcome ? outcome.until : undefined,
    ...(given.kind === 'relayed' && given.tracked === true && { tracked: true }),
    // What was skipped spoke to nobody.
    host: facts === undefined || kind === 'skipped' ? undefined : hostText(facts),
    tls: kind === 'skipped' ? undefined : facts?.tls,
    tried: kind === 'skipped' ? undefined : facts?.tried,
    sender: kind === 'skipped' ? undefined : facts?.sender,
    ...(facts?.note !== undefined && { note: facts.note }),
  };
}

/** `mx.example.net [192.0.2.1]:25`, or what there is of it: a socket path has neither. */
function hostText({ host, address, port }: NonNullable<RecipientResult['facts']>) {
  if (address === undefined) return port === undefined ? host : `${host}:${port}`;
  const where = port === undefined ? `[${address}]` : `[${address}]:${port}`;
  return host === undefined || host === address ? where : `${host} ${where}`;
}

function reportedRecipient(
  recipient: LeasedRecipient,
  result: RecipientResult | Skipped,
  conclusion: Conclusion,
): ReportedRecipient {
  const { reply, facts } = result;
  const remote = 'remote' in result && result.remote === true;
  const expired = conclusion.result === 'expired';
  const late = conclusion.late === true;
  const { action } = conclusion;
  const handedOn = result.kind === 'relayed';
  return {
    recipient,
    reply,
    remote: remote || handedOn,
    facts,
    expired,
    late,
    status:
      late && (action === 'failed' || action === 'delayed')
        ? lateStatus[action]
        : expired
          ? expiredStatus
          : undefined,
  };
}
