// From what happened at the other end to what the queue records and whom it tells: one outcome for
// each recipient. A 4yz defers, a 5yz bounces, anything unforeseen defers; a recipient is given up
// only after an attempt, its own or one just made at the same destination, never because of the clock
// alone. Pure, so that it can be read and tested.

import { unreachable } from '../base/assert.ts';
import type { Random } from '../base/random.ts';
import type { Action } from '../mail/delivery-status.ts';
import { isPermanent } from '../smtp/reply.ts';
import { localError } from '../smtp/smtp-error.ts';
import type { AttemptResult, Untold } from '../store/history.ts';
import type { Lease, LeasedRecipient, Outcome, Settlement } from '../store/queue-store.ts';
import type { Report, ReportedRecipient } from './bounce.ts';
import { whyUntold } from './bounce.ts';
import type { RecipientResult, Skipped } from './delivery.ts';
import { replyText } from './reply-text.ts';
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
/** A delivery that says nothing of a recipient says "later". */
const noResult: RecipientResult = { kind: 'deferred', reply: localError };
// RFC 3463 §3.5: X.4.7, delivery time expired; a persistent transient failure is 4.
const expiredStatus = '4.4.7';

interface Conclusion {
  readonly outcome: Outcome;
  readonly result: AttemptResult['result'];
  readonly action: Action | undefined;
}

/** What follows from an attempt that ended at `now`, or was not made. */
export function outcomesOf(
  lease: Lease,
  given: readonly (RecipientResult | Skipped)[],
  context: {
    readonly now: number;
    readonly settings: RetrySettings;
    readonly random: Pick<Random, 'fraction'>;
  },
): Outcomes {
  const { now, settings } = context;
  const outcomes: { index: number; fence: number; outcome: Outcome }[] = [];
  const results: AttemptResult[] = [];
  let effects: Settlement['effects'] = nothing;
  let reported: Map<Action, ReportedRecipient[]> | undefined;
  let nextDue: number | undefined;
  let untold: Untold | undefined;
  for (let i = 0; i < lease.recipients.length; i += 1) {
    const recipient = lease.recipients[i]!;
    const result = given[i] ?? noResult;
    const conclusion = conclusionOn(recipient, result, {
      ...context,
      received: lease.message.received,
    });
    const { outcome, action } = conclusion;
    outcomes.push({ index: recipient.index, fence: recipient.fence, outcome });
    results.push(attemptResult(recipient, result, conclusion));
    if (result.kind === 'delivered' && result.effects !== undefined)
      effects = effects.length === 0 ? result.effects : effects.concat(result.effects);
    if ('until' in outcome) nextDue = Math.min(nextDue ?? outcome.until, outcome.until);
    if (action === undefined) continue;
    const why = whyUntold(lease.message.sender, recipient.params, action);
    if (why !== undefined) {
      if (action === 'failed') untold = why;
      continue;
    }
    reported ??= new Map();
    const same = reported.get(action) ?? [];
    same.push(reportedRecipient(recipient, result, conclusion));
    reported.set(action, same);
  }
  const retryUntil = lease.message.received + settings.expireAfter;
  const reports =
    reported === undefined
      ? nothing
      : [...reported].map(([action, recipients]) => ({
          action,
          recipients,
          ...(action === 'delayed' && { retryUntil: Math.max(retryUntil, now) }),
        }));
  return { outcomes, effects, reports, results, untold, nextDue };
}

function conclusionOn(
  recipient: LeasedRecipient,
  result: RecipientResult | Skipped,
  context: Parameters<typeof outcomesOf>[2] & { readonly received: number },
): Conclusion {
  switch (result.kind) {
    case 'delivered':
      return { outcome: delivered, result: 'delivered', action: 'delivered' };
    case 'relayed':
      // RFC 3461 §5.2.2 (b): reported as relayed when the next hop will not report it.
      return { outcome: delivered, result: 'relayed', action: result.dsn ? undefined : 'relayed' };
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

function deferral(
  recipient: LeasedRecipient,
  context: Parameters<typeof outcomesOf>[2] & { readonly received: number },
  reply = localError,
): Conclusion {
  const { now, settings, random, received } = context;
  const expires = received + settings.expireAfter;
  // RFC 5321 §4.5.4.1: "the give-up time generally needs to be at least 4-5 days".
  if (now >= expires) return { outcome: failed, result: 'expired', action: 'failed' };
  const retryAt = now + retryDelayMs(recipient.attempt, settings.retryAfter, random);
  // The last attempt is made when time is up, not a retry interval later.
  const until = Math.min(retryAt, expires);
  const warn = !recipient.warned && now >= received + settings.warnAfter;
  return {
    outcome: { kind: 'deferred', until, reply, ...(warn && { warned: true }) },
    result: 'deferred',
    action: warn ? 'delayed' : undefined,
  };
}

/** As if it had been deferred, but that no attempt is counted and nothing was said to it. */
function skip(
  recipient: LeasedRecipient,
  context: Parameters<typeof outcomesOf>[2] & { readonly received: number },
): Conclusion {
  const { now, settings, received } = context;
  // Attempts are not counted, so the step of the schedule comes from the age: what waits for a dead
  // destination comes by less and less often.
  const step = attemptByAge(now - received, settings.retryAfter);
  const attempt = Math.max(recipient.attempt, step);
  const conclusion = deferral({ ...recipient, attempt }, context);
  if (conclusion.outcome.kind !== 'deferred') return conclusion;
  const { until, warned } = conclusion.outcome;
  const outcome = { kind: 'skipped', until, ...(warned && { warned }) } as const;
  return { outcome, result: 'skipped', action: conclusion.action };
}

function attemptResult(
  recipient: LeasedRecipient,
  { kind, reply, facts }: RecipientResult | Skipped,
  { outcome, result }: Conclusion,
): AttemptResult {
  return {
    address: recipient.address,
    attempt: kind === 'skipped' ? recipient.attempt - 1 : recipient.attempt,
    result,
    reply: replyText(reply),
    until: 'until' in outcome ? outcome.until : undefined,
    // What was skipped spoke to nobody.
    host: facts === undefined || kind === 'skipped' ? undefined : hostText(facts),
    tls: kind === 'skipped' ? undefined : facts?.tls,
    tried: kind === 'skipped' ? undefined : facts?.tried,
    sender: kind === 'skipped' ? undefined : facts?.sender,
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
  const handedOn = result.kind === 'relayed';
  return {
    recipient,
    reply,
    remote: remote || handedOn,
    facts,
    expired,
    status: expired ? expiredStatus : undefined,
  };
}
