// Delivery to another server: one lease, all its recipients, over a connection that is open already
// or over the hosts of the route in order. RFC 5321 §5.1, §4.2.1, §4.5.4.1; RFC 2033 for LMTP. A 5yz to a
// recipient is final for it, a 4yz defers it, everything else (a dead line, nonsense, silence, TLS that
// fails) leads to the next host, and when there is none, to later. Whatever happens, each recipient
// gets a result with the reason in words.

import { stackOf } from '../../base/error-text.ts';
import type { AttemptFacts, DeliveryResult, RecipientResult } from '../../queue/delivery.ts';
import { replyText } from '../../queue/reply-text.ts';
import type { TlsSession } from '../../report/tls-session.ts';
import { closureReply } from '../../smtp/client/closure.ts';
import type { RecipientAnswer, SentEvent } from '../../smtp/client/event.ts';
import type { Reply } from '../../smtp/reply.ts';
import { isPermanent, isPositive, isTransient } from '../../smtp/reply.ts';
import { replyFor } from '../../smtp/smtp-error.ts';
import { nextBatch, without } from './batch.ts';
import type { Connection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { tooManyAtOnce } from './hop-failure.ts';
import { hopSettings, hostName, keysOf, placeOf, poolKey } from './hop-place.ts';
import type { HostMemory } from './host-memory.ts';
import { hostKey } from './host-memory.ts';
import type { HopHost } from './host-walk.ts';
import { HostWalk } from './host-walk.ts';
import type { HostsFound } from './hosts.ts';
import { findHosts } from './hosts.ts';
import type { Fit } from './next-hop.ts';
import { fitToHop } from './next-hop.ts';
import type { RelayLease, RelayLimits, RelayOptions } from './relay.ts';
import { stopped } from './relay.ts';
import type { RelayRoute } from './relay-route.ts';
import { tlsOf } from './relay-route.ts';
import type { Dane } from './security/dane.ts';
import { createDane } from './security/dane.ts';
import type { TlsWish } from './security/require-tls.ts';
import { asWished, waivesTls, wishOf } from './security/require-tls.ts';
import type { StsFetchProblem } from './security/sts.ts';
import type { OutboundStep } from './steps/outbound-step.ts';

/** What all attempts of a relay share. */
export interface AttemptParts extends Omit<RelayOptions, 'limits' | 'outbound' | 'dane'> {
  readonly steps: readonly OutboundStep[];
  readonly dane: Dane;
  readonly limits: RelayLimits;
  readonly pool: ConnectionPool;
  readonly memory: HostMemory;
}

/** For mail that policies of domains do not concern. */
const askingNobody = { dane: createDane(), policies: undefined };

const demandNothing = (found: HostsFound): boolean =>
  found.kind !== 'hosts' || found.hosts.every(({ tlsPolicies }) => tlsPolicies === undefined);

/** A connection, or a wait for the DNS. */
export type Stoppable = Pick<Connection, 'destroy'>;

export interface AttemptFor {
  readonly lease: RelayLease;
  readonly route: RelayRoute;
  readonly signal: AbortSignal;
  readonly atWork: Set<Stoppable>;
}

/** One lease on its way. */
export class Attempt {
  readonly #parts: AttemptParts;
  readonly #lease: RelayLease;
  readonly #route: RelayRoute;
  readonly #signal: AbortSignal;
  /** What ends when the signal is aborted. */
  readonly #atWork: Set<Stoppable>;
  /** Where to, as whom, and by which promise of the host. */
  readonly #place: string;
  readonly #wish: TlsWish;
  /** For which place security is decided, and by what the route asks for. */
  readonly #question: string;
  /** What the pool calls connections that have the security of one of the hosts. */
  #keys: readonly string[] = [];
  readonly #results: (RecipientResult | undefined)[];
  /** Positions of those for whom something can still be done. */
  #pending: readonly number[];
  #health: DeliveryResult['health'] = 'ok';
  #walk: HostWalk | undefined;
  #tried: string[] | undefined;
  #sessions: TlsSession[] | undefined;
  /** Addresses that have said what they have to say. */
  #heard: Set<string> | undefined;

  constructor(parts: AttemptParts, { lease, route, signal, atWork }: AttemptFor) {
    this.#parts = parts;
    this.#atWork = atWork;
    this.#lease = lease;
    this.#route = route;
    this.#signal = signal;
    this.#wish = wishOf(lease.message, route);
    this.#place = placeOf(lease, route, this.#wish);
    this.#question = `${tlsOf(route)} ${this.#place}`;
    this.#results = lease.recipients.map(() => undefined);
    this.#pending = lease.recipients.map((_, index) => index);
  }

  async run(): Promise<DeliveryResult> {
    const { pool, memory } = this.#parts;
    let connection = this.#takeOpen(memory.decided(this.#question));
    while (this.#pending.length > 0) {
      connection ??= await this.#connect();
      if (connection === undefined) break;
      this.#atWork.add(connection);
      try {
        await this.#deliverOver(connection);
      } catch (error) {
        this.#broken(error);
      } finally {
        this.#atWork.delete(connection);
        pool.release(connection);
      }
      connection = undefined;
    }
    return {
      recipients: this.#results.map((result) => result ?? { kind: 'deferred', reply: stopped }),
      health: this.#health,
      ...(this.#sessions === undefined ? {} : { sessions: this.#sessions }),
    };
  }

  /** A failure of ours (the content cannot be read). Who has the message already has it. */
  #broken(error: unknown): void {
    if (this.#results.every((result) => result === undefined)) throw error;
    this.#parts.log.error('delivery broke off', {
      id: this.#lease.message.id,
      error: stackOf(error),
    });
    this.#answerPending(replyFor(error), { final: false, remote: false }, {});
    this.#pending = [];
  }

  /** One that has the security which some host must have: no other carries the message. */
  #takeOpen(keys: readonly string[] = []): Connection | undefined {
    this.#keys = keys;
    for (const key of keys) {
      const connection = this.#parts.pool.take(key);
      if (connection !== undefined) return connection;
    }
    return undefined;
  }

  /** The next host that talks to us. Without one, everybody gets a result. */
  async #connect(): Promise<Connection | undefined> {
    const { pool } = this.#parts;
    const open = this.#walk === undefined ? await this.#startWalk() : undefined;
    if (open !== undefined) return open;
    const connection = await this.#walk?.next();
    if (connection !== undefined) pool.add(poolKey(this.#place, connection.security), connection);
    else if (this.#walk !== undefined && !this.#signal.aborted) this.#giveUp(this.#walk);
    return connection;
  }

  /** Decides anew which hosts there are, and with which security; gives what is open by that already. */
  async #startWalk(): Promise<Connection | undefined> {
    const { memory, limits } = this.#parts;
    const looked = await this.#unlessStopped(this.#findHosts());
    if (looked === undefined) return undefined;
    const { found, waived } = looked;
    if (found.kind === 'hosts') {
      const hosts = asWished(found.hosts, this.#lease.message, this.#route);
      const keys = keysOf(this.#place, hosts);
      // What one message may do without, others may not.
      if (!waived) memory.decide(this.#question, keys, limits.decisionMs);
      this.#walk = this.#walkOver(hosts, found.problem);
      // Whoever had a say already is not asked again, and the pool does not tell hosts apart.
      return this.#heard === undefined ? this.#takeOpen(keys) : undefined;
    }
    const final = found.kind === 'refuse';
    // While the DNS has no answer, what was decided last stands for what is open.
    const open = final ? undefined : this.#takeOpen(memory.lastDecided(this.#question));
    if (open !== undefined) return open;
    if (!final) this.#health = 'down';
    this.#answerPending(found.reply, { final, remote: false }, { host: hostName(this.#route) });
    return undefined;
  }

  /** As the policies of their domain have them; without these, if the message waives what they ask for, or how they fail. */
  async #findHosts(): Promise<{ readonly found: HostsFound; readonly waived: boolean }> {
    const find = (parts: AttemptParts) =>
      findHosts(this.#route, parts, this.#parts.limits.hostsPerMessage);
    const found = find(this.#parts);
    const isFree = await found.then(demandNothing, () => false);
    if (isFree || !(await waivesTls(this.#lease.message)))
      return { found: await found, waived: false };
    return { found: await find({ ...this.#parts, ...askingNobody }), waived: true };
  }

  #walkOver(hosts: readonly HopHost[], problem: StsFetchProblem | undefined): HostWalk {
    this.#tried ??= [];
    const noteSession = (session: TlsSession) => {
      this.#sessions ??= [];
      this.#sessions.push(session);
    };
    const history = { skip: this.#heard ?? new Set<string>(), tried: this.#tried, noteSession };
    const settings = hopSettings(this.#route, this.#parts, this.#wish);
    const { domain } = settings;
    if (problem !== undefined && domain !== undefined) {
      // RFC 8461 §6: what goes on without the policy, or with the one before, is reported all the same.
      const { reported, ...known } = problem;
      noteSession({ domain, policy: { type: 'sts' }, ...(reported ?? known) });
      this.#tried.push(`MTA-STS policy of ${domain}: ${problem.reason}`);
    }
    return new HostWalk(hosts, settings, this.#parts, this.#signal, history);
  }

  /** undefined when the signal comes first: a question to the DNS may be others' too, and goes on. */
  async #unlessStopped<T>(work: Promise<T>): Promise<T | undefined> {
    const stop = Promise.withResolvers<undefined>();
    const waiting = { destroy: () => stop.resolve(undefined) };
    this.#atWork.add(waiting);
    try {
      return await Promise.race([work, stop.promise]);
    } finally {
      this.#atWork.delete(waiting);
    }
  }

  /** All hosts have been tried. What one of them said about the message itself counts for more. */
  #giveUp(walk: HostWalk): void {
    if (this.#heard === undefined) {
      // Somebody is there but takes no more, or not from us, or not now.
      const { pool } = this.#parts;
      const open = this.#keys.some((key) => pool.activeCount(key) > 0);
      // What a message asks for (RFC 8689) is its own: others may go where it cannot.
      const isItsOwn = this.#wish === 'required' && !walk.unreachable;
      this.#health = open || walk.refused ? 'busy' : isItsOwn ? 'ok' : 'down';
    }
    const { reply: said, remote, final, facts } = walk.failure;
    this.#answerPending(said, { final, remote }, { host: hostName(this.#route), ...facts });
  }

  #answerPending(
    said: Reply,
    { final, remote }: { readonly final: boolean; readonly remote: boolean },
    facts: AttemptFacts,
  ): void {
    for (const index of this.#pending)
      this.#results[index] ??= final
        ? { kind: 'failed', reply: said, remote, facts }
        : { kind: 'deferred', reply: said, remote, facts };
  }

  /** As many transactions as the pending recipients take; who is left is for another host. */
  async #deliverOver(connection: Connection): Promise<void> {
    const { limits, steps, clock } = this.#parts;
    const { message, recipients } = this.#lease;
    let mayBeStale = connection.transactions > 0;
    const { capabilities } = connection;
    const hop = { capabilities, delivers: this.#route.kind === 'lmtp', now: clock.now() };
    const fit = await fitToHop(message, recipients, hop, steps);
    if (fit.kind === 'refuse') {
      const facts = this.#factsOf(connection);
      const final = isPermanent(fit.reply);
      this.#answerPending(fit.reply, { final, remote: false }, facts);
      this.#pending = [];
      return;
    }
    if (fit.refused.size > 0) this.#refuse(fit.refused, connection);
    while (this.#pending.length > 0 && connection.usable) {
      const batch = nextBatch(this.#pending, recipients, connection, limits.recipientsMax);
      if (batch.length === 0) {
        connection.spent = true;
        break;
      }
      const envelope = {
        ...fit.envelope,
        recipients: batch.map((index) => fit.recipient(recipients[index]!)),
      };
      const sent = await connection.send(envelope, fit.read);
      if (sent.unchunked === true) return this.#goWithoutChunks(connection);
      // A connection that died while it lay idle: nobody has seen anything of the message. Who is silent may have it.
      const silent = sent.complete && connection.closure?.kind === 'timeout';
      if (mayBeStale && !sent.answered && !silent) return;
      mayBeStale = false;
      if (!this.#settle(batch, sent, fit, connection)) return;
    }
    // RFC 9422 §4.1, §4.3: after MAILMAX transactions, or RCPTDOMAINMAX domains, the same hosts are
    // called again.
    if (this.#pending.length > 0 && connection.closure === undefined) this.#walk = undefined;
  }

  /** By what they ask for, which this hop does not do. */
  #refuse(refused: ReadonlyMap<number, Reply>, connection: Connection): void {
    const facts = this.#factsOf(connection);
    for (const index of this.#pending) {
      const said = refused.get(index);
      if (said !== undefined)
        this.#results[index] = { kind: 'failed', reply: said, remote: false, facts };
    }
    this.#pending = this.#pending.filter((index) => !refused.has(index));
  }

  /** Records the answers. False when this host has nothing more to say to those still pending. */
  #settle(
    batch: readonly number[],
    sent: SentEvent,
    { dsn, deliverBy, tracked }: HopPromises,
    connection: Connection,
  ): boolean {
    const { answers } = sent;
    const { closure } = connection;
    const facts = this.#factsOf(connection);
    const lmtp = this.#route.kind === 'lmtp';
    const others = without(this.#pending, batch);
    this.#health = closure?.kind === 'refused' ? 'busy' : 'ok';
    for (const [at, index] of batch.entries())
      this.#results[index] = resultOf(answers[at]!, facts, { dsn, deliverBy, tracked, lmtp });
    // RFC 5321 §5.1: where nobody got the message, for now, another host may do better. Once the end
    // of data is out and unanswered, impatience would deliver it twice.
    const movable = (answer: RecipientAnswer) =>
      (answer.tooMany === true || isTransient(answer.reply)) &&
      answer.stage !== 'end of data' &&
      (answer.remote || !sent.complete);
    if (closure === undefined ? answers.every(movable) : answers.some(movable)) {
      this.#pending = [...batch.filter((_, at) => movable(answers[at]!)), ...others];
      this.#leave(connection, answers.find(movable)!.reply);
      return false;
    }
    // RFC 5321 §4.5.3.1.10: those who were too many come next, once the others have their verdict.
    const room = answers.some(({ stage, reply: said }) => stage !== 'RCPT' && !isTransient(said));
    const again = room ? batch.filter((_, at) => answers[at]!.tooMany === true) : [];
    this.#pending = [...again, ...others];
    return true;
  }

  /** The same hosts get the message again, by DATA. */
  #goWithoutChunks(connection: Connection): void {
    const { memory, limits } = this.#parts;
    const { closure, facts } = connection;
    memory.chunksFailed(hostKey(facts.host ?? '', facts.port), limits.unchunkedMs);
    if (closure !== undefined) this.#note(connection, closureReply(closure));
    this.#walk = undefined;
  }

  #leave(connection: Connection, said: Reply): void {
    const { address } = connection.facts;
    this.#heard ??= new Set();
    if (address !== undefined) this.#heard.add(address);
    this.#note(connection, said);
  }

  /** For `why`: what was tried before. */
  #note({ facts: { host, address } }: Connection, said: Reply): void {
    this.#tried ??= [];
    const where = address === undefined ? host : `${host} [${address}]`;
    this.#tried.push(`${where}: ${replyText(said)}`);
  }

  #factsOf(connection: Connection): AttemptFacts {
    const tried = this.#tried;
    if (tried === undefined || tried.length === 0) return connection.facts;
    return { ...connection.facts, tried: [...tried] };
  }
}

/** What a hop that takes a message does with what its sender asked for. */
type HopPromises = Pick<Extract<Fit, { readonly kind: 'fits' }>, 'dsn' | 'deliverBy' | 'tracked'>;

export function resultOf(
  answer: RecipientAnswer,
  facts: AttemptFacts,
  { dsn, deliverBy, tracked, lmtp }: HopPromises & { readonly lmtp: boolean },
): RecipientResult {
  const { reply: said, remote } = answer;
  if (isPositive(said)) {
    // RFC 3461 §5.2.2 is about relaying; an LMTP server without DSN is where the journey ends.
    if (lmtp && !dsn) return { kind: 'delivered', reply: said, facts };
    return { kind: 'relayed', reply: said, dsn, deliverBy, tracked, facts };
  }
  if (answer.tooMany === true)
    return { kind: 'deferred', reply: tooManyAtOnce(said), remote, facts };
  if (isPermanent(said)) return { kind: 'failed', reply: said, remote, facts };
  return { kind: 'deferred', reply: said, remote, facts };
}
