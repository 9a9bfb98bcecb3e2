// The connection of somebody who asked for their mail, after the roles have turned round (RFC 2645 §5.3): we
// are the client on it. One transaction after the other, whoever attempts them.

import type { Clock } from '../../base/clock.ts';
import { stackOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import type { Dialer } from '../../net/dialer.ts';
import type { Peer } from '../../net/peer.ts';
import type { DeliveryResult, RecipientResult } from '../../queue/delivery.ts';
import type { ClientTimeouts } from '../../smtp/client/timeouts.ts';
import type { Reply } from '../../smtp/reply.ts';
import { isPermanent, reply } from '../../smtp/reply.ts';
import type { Lease } from '../../store/queue-store.ts';
import { resultOf } from '../relay/attempt.ts';
import { nextBatch, without } from '../relay/batch.ts';
import type { Connection } from '../relay/connection.ts';
import { openConnection } from '../relay/connection.ts';
import { noRequireTls } from '../relay/hop-failure.ts';
import { fitToHop } from '../relay/next-hop.ts';
import type { OutboundStep } from '../relay/steps/outbound-step.ts';

export interface TurnedParts {
  /** For TLS, which nobody asks for here: what there is was there before. */
  readonly dialer: Dialer;
  /** Read anew each time. */
  readonly hostname: () => string;
  readonly steps: () => readonly OutboundStep[];
  readonly timeouts?: ClientTimeouts | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** Limit: RFC 5321 §4.5.3.1.8: every server takes 100. */
const recipientsMax = 100;
// RFC 3463 §3.5: X.4.2, bad connection.
const gone = reply(450, '4.2', 'The connection over which it was fetched is over');

export class TurnedConnection {
  readonly #parts: TurnedParts;
  readonly #connection: Connection;
  readonly #peer: Peer;
  /** One after the other. */
  #last: Promise<unknown> = Promise.resolve();
  /** Attempts that have begun, or wait for those before them. */
  #attempts = 0;
  #over = false;
  #waiting: { readonly ids: Set<string>; readonly heard: () => void } | undefined;

  /** @throws HopFailure when the other side does not greet, or not as a server does. */
  static async open(peer: Peer, parts: TurnedParts): Promise<TurnedConnection> {
    const connection = await openConnection(peer, {
      ...{
        dialer: parts.dialer,
        host: peer.remote.address,
        security: { kind: 'none' },
        clock: parts.clock,
      },
      session: {
        ...{ protocol: 'smtp', hostname: parts.hostname(), timeouts: parts.timeouts },
        // Who offers BDAT in vain is not remembered here, and would never get what waits.
        chunking: false,
      },
    });
    return new TurnedConnection(connection, parts, peer);
  }

  private constructor(connection: Connection, parts: TurnedParts, peer: Peer) {
    this.#connection = connection;
    this.#parts = parts;
    this.#peer = peer;
  }

  deliver(lease: Lease, signal: AbortSignal): Promise<DeliveryResult> {
    const result = this.#last.then(() => this.#attempt(lease, signal));
    this.#attempts += 1;
    const heard = () => {
      this.#attempts -= 1;
      this.#waiting?.ids.delete(lease.message.id);
      this.#waiting?.heard();
    };
    this.#last = result.then(heard, heard);
    return result;
  }

  /** Resolves when each of these messages has had its attempt, or nothing comes any more. One may take long. */
  async done(ids: Set<string>, idleMs: number): Promise<void> {
    const { clock } = this.#parts;
    while (ids.size > 0 && (this.#attempts > 0 || this.#connection.usable)) {
      const next = Promise.withResolvers<boolean>();
      const cancel = clock.after(idleMs, () => next.resolve(false));
      this.#waiting = { ids, heard: () => next.resolve(true) };
      const heard = await next.promise;
      cancel();
      if (!heard && this.#attempts === 0) break;
    }
    this.#waiting = undefined;
  }

  async close(): Promise<void> {
    this.#over = true;
    await this.#last;
    await this.#connection.quit();
  }

  /**
   * RFC 8689 §4.2.1: only over TLS, and to a server that promises the same. Who that is was shown by the login, as no
   * certificate could: nobody was called.
   */
  #lacking({ params, sender }: Lease['message']): RecipientResult | undefined {
    if (!params.includes('REQUIRETLS') || sender === '') return undefined;
    if (this.#peer.tls === undefined) return refusedHere(tlsNeeded);
    const isOffered = this.#connection.capabilities.keywords.has('REQUIRETLS');
    return isOffered ? undefined : refusedHere(noRequireTls(this.#peer.remote.address));
  }

  async #attempt({ message, recipients }: Lease, signal: AbortSignal): Promise<DeliveryResult> {
    const connection = this.#connection;
    const results: (RecipientResult | undefined)[] = recipients.map(() => undefined);
    const lacking = this.#lacking(message);
    if (lacking !== undefined) return { recipients: recipients.map(() => lacking), health: 'ok' };
    let pending: readonly number[] = [...recipients.keys()];
    const abort = () => connection.destroy();
    signal.addEventListener('abort', abort);
    try {
      const { capabilities } = connection;
      const hop = { capabilities, delivers: false, now: this.#parts.clock.now() };
      const fit = await fitToHop(message, recipients, hop, this.#parts.steps());
      const refusal = fit.kind === 'refuse' ? fit.reply : undefined;
      const refused = fit.kind === 'fits' ? fit.refused : new Map<number, Reply>();
      for (const index of pending) {
        const said = refusal ?? refused.get(index);
        if (said !== undefined) results[index] = refusedHere(said);
      }
      pending = pending.filter((index) => results[index] === undefined);
      while (fit.kind === 'fits' && pending.length > 0 && connection.usable && !this.#over) {
        const batch = nextBatch(pending, recipients, connection, recipientsMax);
        if (batch.length === 0) break;
        const named = batch.map((index) => fit.recipient(recipients[index]!));
        const sent = await connection.send({ ...fit.envelope, recipients: named }, fit.read);
        const { dsn, deliverBy, tracked } = fit;
        for (const [at, index] of batch.entries())
          results[index] = resultOf(sent.answers[at]!, connection.facts, {
            ...{ dsn, deliverBy, tracked, lmtp: false },
          });
        pending = without(pending, batch);
      }
    } catch (error) {
      // A failure of ours: the content cannot be read. Who has the message already has it.
      if (results.every((result) => result === undefined)) throw error;
      const { log } = this.#parts;
      log.error('delivery broke off', { id: message.id, error: stackOf(error) });
    } finally {
      signal.removeEventListener('abort', abort);
    }
    const later: RecipientResult = { kind: 'deferred', reply: gone };
    return { recipients: results.map((result) => result ?? later), health: 'ok' };
  }
}

// RFC 3463, RFC 8689 §4.2.1: X.7.10, encryption needed. The next time it may be asked for over TLS.
const tlsNeeded = reply(450, '7.10', 'The sender requires TLS (REQUIRETLS): fetch it over TLS');

const refusedHere = (said: Reply): RecipientResult =>
  isPermanent(said)
    ? { kind: 'failed', reply: said, remote: false }
    : { kind: 'deferred', reply: said, remote: false };
