// What a tracer is told of a connection: when it began, its TLS, the logins on it.

import type { Peer } from '../net/peer.ts';
import type { LoginResult } from '../policy/accounts/login.ts';
import type {
  AttemptTimes,
  MessageTracer,
  SessionStep,
  SessionTracer,
} from '../queue/story/message-tracer.ts';
import type { TlsFacts } from '../smtp/tls-facts.ts';

/** TLS from the first byte was made before anybody here heard of it. */
export function tracedSession(
  tracer: Pick<MessageTracer, 'session'>,
  { tls }: Pick<Peer, 'tls'>,
  now: number,
): SessionTracer {
  const session = tracer.session(now - (tls?.handshakeTookMs ?? 0));
  if (tls !== undefined) session.step(tlsStep(tls, now));
  return session;
}

/** Names of OpenTelemetry's conventions: `TLSv1.3` is version 1.3 of tls. */
export function tlsStep(tls: TlsFacts, now: number): SessionStep {
  const { protocol, cipher, resumed, servername, handshakeTookMs = 0 } = tls;
  return {
    ...{ name: 'tls', from: now - handshakeTookMs, to: now },
    facts: {
      'tls.protocol.name': 'tls',
      'tls.protocol.version': protocol.replace(/^TLSv/, ''),
      'tls.cipher': cipher,
      'tls.resumed': resumed,
      'tls.client.server_name': servername,
    },
  };
}

/** Undefined while the exchange goes on. */
export function loginStep(
  mechanism: string | undefined,
  result: LoginResult,
  times: AttemptTimes,
): SessionStep | undefined {
  if (result.kind === 'challenge') return undefined;
  const account = result.kind === 'logged-in' ? result.account : undefined;
  return {
    ...{ name: 'login', ...times },
    facts: { 'postrider.mechanism': mechanism, 'enduser.id': account },
    ...(result.kind === 'refused' && { failed: result.reason }),
  };
}
