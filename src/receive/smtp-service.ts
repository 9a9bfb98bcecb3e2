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
  const { settings } = parts;
  let shared: Shared | undefined;
  const sharedNow = (): Shared => {
    const now = settings();
    if (shared?.now !== now) shared = sharedBy(parts, now);
    return shared;
  };
  return new PeerService({
    connections: parts.connections,
    random: parts.random,
    converse: (peer, session) => converse(parts, sharedNow(), { peer, session }),
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

/** What connections have in common as long as the settings are these. */
interface Shared {
  readonly now: SmtpServiceSettings;
  /** None is left out: what is not named here the sessions of a listener would never know. */
  readonly facts: Required<ServerFacts>;
  readonly reception: ReceptionParts & Required<Pick<ReceptionParts, OfService>>;
}

/** In the place of one: each connection puts its own there. */
const noPeerYet = undefined as unknown as Peer;

/**
 * With a place for whatever each connection has of its own: a copy is made at once of an object that has all names
 * already, and name by name where some are added, which thousands of connections a second would feel.
 */
function sharedBy(parts: SmtpServiceParts, now: SmtpServiceSettings): Shared {
  const { tracer, log, clock, refusals, spool, submit, messageId } = parts;
  const { startQueue, turns, tracked, fetchUrl } = parts;
  const { hostname, startTls, withheld, atrn, mtrk, burl, noSoliciting, conperm } = now;
  const { authRequired, bareNewlines, localDomain, limits } = now;
  return {
    now,
    facts: {
      ...{ hostname, startTls, withheld, atrn, mtrk, burl, noSoliciting, conperm },
      ...{ authRequired, bareNewlines, localDomain, limits, protocol: now.service },
      asksUnknown: now.policies.unknown.length > 0,
      conneg: now.featureSetOf !== undefined,
      ...{ secure: false, mechanisms: [], trusted: false, xclient: false },
      futureRelease: undefined,
    },
    reception: {
      ...now,
      ...{ tracer, log, clock, refusals, spool, submit, messageId },
      ...{ startQueue, turns, tracked, fetchUrl },
      ...{ peer: noPeerYet, session: '', trace: undefined },
    },
  };
}

/** Whoever answers for one connection. */
export const receptionOf = (
  parts: SmtpServiceParts,
  now: SmtpServiceSettings,
  connection: OfOneConnection,
): Reception => receptionBy(sharedBy(parts, now), connection);

const receptionBy = ({ reception }: Shared, { peer, session, trace }: OfOneConnection): Reception =>
  new Reception({
    ...reception,
    ...{ peer, session, trace },
    tracer: trace ?? reception.tracer,
    log: logOfSession(reception.log, session),
  });

function converse(
  { startTls, clock, log, onClose, tracer }: SmtpServiceParts,
  shared: Shared,
  { peer, session }: OfOneConnection,
): Conversation {
  const { now, facts } = shared;
  const trace = tracer && tracedSession(tracer, peer, clock.now());
  const answerer = receptionBy(shared, { peer, session, trace });
  const server = new ServerSession({
    ...facts,
    secure: peer.tls !== undefined,
    mechanisms: now.mechanisms(peer),
    trusted: now.isTrusted(peer.remote.address),
    xclient: now.proxies?.has(peer.remote.address) === true,
    futureRelease: futureReleaseOf(now.queue?.futureRelease, clock.now()),
  });
  return new Conversation({
    ...{ peer, session: server, answerer, startTls, limits: now.limits, clock },
    log: logOfSession(log, session),
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
