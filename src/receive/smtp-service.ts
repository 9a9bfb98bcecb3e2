// One listener's SMTP, submission or LMTP service: makes a conversation of each connection.

import { logOfSession } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Peer } from '../net/peer.ts';
import { PeerService } from '../net/service.ts';
import type { ConnectionLimits } from '../policy/connection-limits.ts';
import type { ClientFacts } from '../policy/envelope.ts';
import type { MessageTracer, SessionTracer } from '../queue/story/message-tracer.ts';
import type { SessionLimits } from '../smtp/limits.ts';
import type { Reply } from '../smtp/reply.ts';
import { formatReply, replies, replyLine } from '../smtp/reply.ts';
import type { ServerFacts } from '../smtp/server/event.ts';
import { ServerSession } from '../smtp/server/session.ts';
import type { ConversationParts } from './conversation.ts';
import { Conversation } from './conversation.ts';
import type { ReceptionParts } from './reception.ts';
import { Reception } from './reception.ts';
import { tracedSession } from './traced-session.ts';

/** What may change by a reload; new connections see the new values. */
export interface SmtpServiceSettings
  extends Omit<ServerFacts, FoundOut | 'limits'>,
    Omit<ReceptionParts, OfService | OfConnection | 'tracer' | 'limits'> {
  readonly limits: SessionLimits &
    NonNullable<ReceptionParts['limits'] & ConversationParts['limits']>;
  /** How far ahead mail may be handed in; 0: not at all. */
  readonly queue?: { readonly futureRelease: number } | undefined;
}

/** What the service finds out for each connection. */
type FoundOut =
  | 'protocol'
  | 'secure'
  | 'mechanisms'
  | 'trusted'
  | 'xclient'
  | 'asksUnknown'
  | 'conneg'
  | 'futureRelease';
type OfConnection = 'session' | 'peer' | 'trace';
/** What stays the same from the start on. */
type OfService =
  | 'spool'
  | 'submit'
  | 'messageId'
  | 'startQueue'
  | 'turns'
  | 'tracked'
  | 'fetchUrl'
  | 'clock'
  | 'log'
  | 'refusals';

export interface SmtpServiceParts extends Pick<ReceptionParts, OfService> {
  readonly tracer?: MessageTracer | undefined;
  /** Asked for each connection. */
  readonly settings: () => SmtpServiceSettings;
  readonly connections: Pick<ConnectionLimits, 'admit' | 'release'>;
  readonly startTls: (peer: Peer) => Promise<Peer>;
  /** The connection is gone. */
  readonly onClose?: ((client: ClientFacts) => void) | undefined;
  readonly random: Random;
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
  const { service } = settings();
  const [reason] = answer.lines;
  refusals?.note({ service, client, stage: 'connect', reply: replyLine(answer), reason });
  return formatReply(answer);
}

interface OfOneConnection {
  readonly peer: Peer;
  readonly session: string;
  /** Undefined where there is no tracer, or no connection. */
  readonly trace?: SessionTracer | undefined;
}

/** Whoever answers for one connection. */
export function receptionOf(
  parts: SmtpServiceParts,
  now: SmtpServiceSettings,
  { peer, session, trace }: OfOneConnection,
): Reception {
  // One spread, the first: V8 copies that at once, and any other property by property, for each connection.
  return new Reception({
    ...now,
    peer,
    session,
    trace,
    tracer: trace ?? parts.tracer,
    log: logOfSession(parts.log, session),
    clock: parts.clock,
    refusals: parts.refusals,
    spool: parts.spool,
    submit: parts.submit,
    messageId: parts.messageId,
    startQueue: parts.startQueue,
    turns: parts.turns,
    tracked: parts.tracked,
    fetchUrl: parts.fetchUrl,
  });
}

function converse(parts: SmtpServiceParts, peer: Peer, id: string): Conversation {
  const { settings, startTls, clock, log, onClose, tracer } = parts;
  const now = settings();
  const trace = tracer && tracedSession(tracer, peer, clock.now());
  const answerer = receptionOf(parts, now, { peer, session: id, trace });
  const session = new ServerSession({
    ...now,
    protocol: now.service,
    secure: peer.tls !== undefined,
    mechanisms: now.mechanisms(peer),
    trusted: now.isTrusted(peer.remote.address),
    xclient: now.proxies?.has(peer.remote.address) === true,
    asksUnknown: now.policies.unknown.length > 0,
    conneg: now.featureSetOf !== undefined,
    futureRelease: futureReleaseOf(now.queue?.futureRelease, clock.now()),
  });
  return new Conversation({
    ...{ peer, session, answerer, startTls, limits: now.limits, clock },
    log: logOfSession(log, id),
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
