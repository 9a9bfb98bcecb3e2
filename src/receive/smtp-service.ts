// One listener's SMTP, submission or LMTP service: makes a conversation of each connection.

import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { logOfSession } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Peer } from '../net/peer.ts';
import { PeerService } from '../net/service.ts';
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
  readonly isTrusted: ReceptionParts['isTrusted'];
  readonly proxies?: ReceptionParts['proxies'];
  /** Somebody's mail is kept to be fetched. */
  readonly atrn?: boolean | undefined;
  /** The server whose mailboxes URLs may name. */
  readonly burl?: string | undefined;
  /** Where messages are can be asked for here. */
  readonly mtrk?: boolean | undefined;
  readonly noSoliciting?: readonly string[] | undefined;
  /** Conversions that authors permit are seen to behind this server. */
  readonly conperm?: boolean | undefined;
  readonly featureSetOf?: ReceptionParts['featureSetOf'];
  /** How far ahead mail may be handed in; 0: not at all. */
  readonly futureReleaseMs?: number | undefined;
  readonly mechanisms: ReceptionParts['mechanisms'];
  readonly login: ReceptionParts['login'];
  readonly addressMap: ReceptionParts['addressMap'];
  readonly wayOf: ReceptionParts['wayOf'];
  readonly policies: ReceptionParts['policies'];
  readonly quota?: ReceptionParts['quota'];
  readonly vrfy: ReceptionParts['vrfy'];
}

export interface SmtpServiceParts {
  /** Asked for each connection. */
  readonly settings: () => SmtpServiceSettings;
  readonly connections: Pick<ConnectionLimits, 'admit' | 'release'>;
  readonly startTls: (peer: Peer) => Promise<Peer>;
  readonly spool: ReceptionParts['spool'];
  readonly submit: ReceptionParts['submit'];
  readonly messageId: ReceptionParts['messageId'];
  readonly startQueue: ReceptionParts['startQueue'];
  readonly turns?: ReceptionParts['turns'];
  readonly tracked?: ReceptionParts['tracked'];
  readonly fetchUrl?: ReceptionParts['fetchUrl'];
  /** The connection is gone. */
  readonly onClose?: ((client: ClientFacts) => void) | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly refusals?: ReceptionParts['refusals'];
}

export function createSmtpService(parts: SmtpServiceParts): PeerService {
  return new PeerService({
    connections: parts.connections,
    random: parts.random,
    converse: (peer, session) => converse(parts, peer, session),
    turnAway: (client, objection) => turnAway(parts, client, objection),
  });
}

/** RFC 5321 §3.8: 421 in place of the greeting. */
function turnAway(
  { settings, refusals }: SmtpServiceParts,
  client: string,
  objection: Reply | 'stopping',
): string {
  const answer = objection === 'stopping' ? replies.shuttingDown : objection;
  const text = formatReply(answer);
  const { service } = settings();
  const [reason] = answer.lines;
  refusals?.note({ service, client, stage: 'connect', reply: text.trimEnd(), reason });
  return text;
}

/** Whoever answers for one connection. */
export const receptionOf = (
  parts: SmtpServiceParts,
  now: SmtpServiceSettings,
  { peer, session }: { readonly peer: Peer; readonly session: string },
): Reception =>
  new Reception({
    hostname: now.hostname,
    receivedFieldsMax: now.receivedFieldsMax,
    service: now.service,
    ...{ session, peer },
    isTrusted: now.isTrusted,
    proxies: now.proxies,
    addressMap: now.addressMap,
    wayOf: now.wayOf,
    policies: now.policies,
    quota: now.quota,
    featureSetOf: now.featureSetOf,
    vrfy: now.vrfy,
    spool: parts.spool,
    submit: parts.submit,
    messageId: parts.messageId,
    mechanisms: now.mechanisms,
    login: now.login,
    startQueue: parts.startQueue,
    turns: parts.turns,
    tracked: parts.tracked,
    fetchUrl: parts.fetchUrl,
    clock: parts.clock,
    log: logOfSession(parts.log, session),
    refusals: parts.refusals,
  });

function converse(parts: SmtpServiceParts, peer: Peer, id: string): Conversation {
  const { settings, startTls, clock, log, onClose } = parts;
  const now = settings();
  const sessionLog = logOfSession(log, id);
  const answerer = receptionOf(parts, now, { peer, session: id });
  const session = new ServerSession({
    protocol: now.service,
    hostname: now.hostname,
    secure: peer.tls !== undefined,
    startTls: now.startTls,
    mechanisms: now.mechanisms(peer),
    trusted: now.isTrusted(peer.remote.address),
    xclient: now.proxies?.has(peer.remote.address) === true,
    authRequired: now.authRequired,
    bareNewlines: now.bareNewlines,
    localDomain: now.localDomain,
    limits: now.limits,
    ...(now.withheld !== undefined && { withheld: now.withheld }),
    atrn: now.atrn,
    burl: now.burl,
    mtrk: now.mtrk,
    noSoliciting: now.noSoliciting,
    asksUnknown: now.policies.unknown.length > 0,
    conperm: now.conperm,
    conneg: now.featureSetOf !== undefined,
    futureRelease: futureReleaseOf(now.futureReleaseMs, clock.now()),
  });
  const { messageMs } = now;
  return new Conversation({
    ...{ peer, session, answerer, startTls, messageMs, clock },
    log: sessionLog,
    onEnd: () => {
      answerer.closed();
      onClose?.(answerer.client);
    },
  });
}

function futureReleaseOf(limitMs = 0, now: number): ServerFacts['futureRelease'] {
  const seconds = Math.floor(limitMs / 1000);
  // Whole seconds, so that what is announced is what is meant.
  return seconds === 0
    ? undefined
    : { seconds, until: Math.floor(now / 1000) * 1000 + seconds * 1000 };
}
