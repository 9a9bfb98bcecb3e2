// One listener's SMTP, submission or LMTP service: makes a conversation of each connection, keeps
// count of them, and ends them when the server stops.

import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { logOfSession } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Peer } from '../net/peer.ts';
import type { ConnectionLimits } from '../policy/connection-limits.ts';
import type { ClientFacts } from '../policy/envelope.ts';
import type { SessionLimits } from '../smtp/limits.ts';
import type { Reply } from '../smtp/reply.ts';
import { formatReply, replies } from '../smtp/reply.ts';
import type { ServerFacts } from '../smtp/server/event.ts';
import { ServerSession } from '../smtp/server/session.ts';
import { Conversation } from './conversation.ts';
import type { ReceptionParts } from './reception.ts';
import { Reception } from './reception.ts';

/** What may change by a reload; new connections see the new values. */
export interface SmtpServiceSettings {
  readonly hostname: string;
  readonly receivedFieldsMax?: number | undefined;
  /** Longest time for the content of one message. */
  readonly messageMs?: number | undefined;
  readonly service: ClientFacts['service'];
  /** TLS can be had: STARTTLS is offered in the clear. */
  readonly startTls: boolean;
  readonly bareNewlines: ServerFacts['bareNewlines'];
  readonly localDomain?: ServerFacts['localDomain'];
  readonly authRequired: boolean;
  readonly withheld?: ReadonlySet<string> | undefined;
  readonly limits: SessionLimits;
  readonly isTrusted: (address: string) => boolean;
  readonly mechanisms: ReceptionParts['mechanisms'];
  readonly login: ReceptionParts['login'];
  readonly directory: ReceptionParts['directory'];
  readonly wayOf: ReceptionParts['wayOf'];
  readonly policies: ReceptionParts['policies'];
  readonly quota?: ReceptionParts['quota'];
  readonly vrfy: ReceptionParts['vrfy'];
}

export interface SmtpServiceParts {
  /** Asked for each connection. */
  readonly settings: () => SmtpServiceSettings;
  readonly connections: ConnectionLimits;
  readonly startTls: (peer: Peer) => Promise<Peer>;
  readonly spool: ReceptionParts['spool'];
  readonly submit: ReceptionParts['submit'];
  readonly messageId: ReceptionParts['messageId'];
  readonly startQueue: ReceptionParts['startQueue'];
  /** The connection is gone. */
  readonly onClose?: ((client: ClientFacts) => void) | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly refusals?: ReceptionParts['refusals'];
}

export class SmtpService {
  readonly #parts: SmtpServiceParts;
  readonly #conversations = new Set<Conversation>();
  #sessions = 0;
  readonly #sessionPrefix: string;
  #stopping = false;
  #emptied: PromiseWithResolvers<void> | undefined;

  constructor(parts: SmtpServiceParts) {
    this.#parts = parts;
    this.#sessionPrefix = parts.random.bytes(3).toString('hex');
  }

  get conversations(): number {
    return this.#conversations.size;
  }

  accept(peer: Peer): void {
    const { connections } = this.#parts;
    const { address } = peer.remote;
    const objection = this.#stopping ? replies.shuttingDown : connections.admit(address);
    if (objection !== undefined) {
      turnAway(peer, objection);
      this.#noteTurnedAway(address, objection);
      return;
    }
    const { conversation, answerer } = this.#open(peer);
    this.#conversations.add(conversation);
    void conversation.run().then(() => {
      connections.release(address);
      answerer.closed();
      this.#conversations.delete(conversation);
      this.#parts.onClose?.(answerer.client);
      if (this.#conversations.size === 0) this.#emptied?.resolve();
    });
  }

  /** 421 to the idle now, to the others after their transaction; resolves when all are gone. */
  async shutdown(): Promise<void> {
    this.#stopping = true;
    for (const conversation of this.#conversations) conversation.shutdown();
    if (this.#conversations.size === 0) return;
    this.#emptied ??= Promise.withResolvers();
    await this.#emptied.promise;
  }

  /** Drops what is still there. */
  destroy(): void {
    for (const conversation of this.#conversations) conversation.destroy();
  }

  #noteTurnedAway(client: string, objection: Reply): void {
    const { service } = this.#parts.settings();
    const reply = formatReply(objection).trimEnd();
    const [reason] = objection.lines;
    this.#parts.refusals?.note({ service, client, stage: 'connect', reply, reason });
  }

  #open(peer: Peer) {
    const { settings, startTls, clock, log } = this.#parts;
    const now = settings();
    const id = `${this.#sessionPrefix}${(this.#sessions++).toString(36).padStart(4, '0')}`;
    const trusted = now.isTrusted(peer.remote.address);
    const sessionLog = logOfSession(log, id);
    const answerer = new Reception({
      hostname: now.hostname,
      receivedFieldsMax: now.receivedFieldsMax,
      service: now.service,
      session: id,
      peer,
      trusted,
      directory: now.directory,
      wayOf: now.wayOf,
      policies: now.policies,
      quota: now.quota,
      vrfy: now.vrfy,
      spool: this.#parts.spool,
      submit: this.#parts.submit,
      messageId: this.#parts.messageId,
      mechanisms: now.mechanisms,
      login: now.login,
      startQueue: this.#parts.startQueue,
      clock,
      log: sessionLog,
      refusals: this.#parts.refusals,
    });
    const session = new ServerSession({
      protocol: now.service,
      hostname: now.hostname,
      secure: peer.tls !== undefined,
      startTls: now.startTls,
      mechanisms: now.mechanisms(peer),
      trusted,
      authRequired: now.authRequired,
      bareNewlines: now.bareNewlines,
      localDomain: now.localDomain,
      limits: now.limits,
      ...(now.withheld !== undefined && { withheld: now.withheld }),
    });
    const { messageMs } = now;
    const conversation = new Conversation({
      ...{ peer, session, answerer, startTls, messageMs, clock },
      log: sessionLog,
    });
    return { conversation, answerer };
  }
}

/** RFC 5321 §3.8: 421 in place of the greeting. */
function turnAway(peer: Peer, answer: Reply): void {
  void peer.write(formatReply(answer)).catch(() => {});
  void peer.end().then(() => peer.destroy());
}
