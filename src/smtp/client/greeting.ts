// How a conversation begins, and begins anew under TLS. RFC 5321 §3.2, RFC 2033 §4.1, RFC 3207 §4.

import type { Reply } from '../reply.ts';
import { noCapabilities, parseCapabilities } from './capabilities.ts';
import type { SessionCore } from './core.ts';
import type { ClientEvent } from './event.ts';

const startTls: ClientEvent = { kind: 'starttls' };

export function sayHello(core: SessionCore): undefined {
  const { protocol, hostname } = core.options;
  const verb = protocol === 'lmtp' ? 'LHLO' : 'EHLO';
  core.command(verb, `${verb} ${hostname}`);
}

/** RFC 5321 §3.2: a server that does not know EHLO is greeted with HELO. */
export function sayOldHello(core: SessionCore): undefined {
  core.command('HELO', `HELO ${core.options.hostname}`);
}

/** `extended`: by EHLO or LHLO. */
export function helloAnswered(core: SessionCore, reply: Reply, extended: boolean): ClientEvent {
  core.capabilities = parseCapabilities(reply, extended);
  core.leftOpen = false;
  return core.becomeReady();
}

// RFC 3207 §4: 220 go ahead, 454 not available now, 501 and others: not at all.
export function startTlsAnswered(core: SessionCore, reply: Reply): ClientEvent | undefined {
  if (reply.code !== 220) return core.refused('STARTTLS', reply);
  // CVE-2011-0411: what came along with the 220 was put there by somebody in between, who would
  // like it to be taken for an answer given under TLS.
  if (core.reader.pending) return core.broken('More than one reply came');
  core.phase = 'handshake';
  return startTls;
}

/** RFC 3207 §4.2: the client must discard any knowledge obtained before. */
export function secured(core: SessionCore): void {
  core.reader.clear();
  core.capabilities = noCapabilities;
  sayHello(core);
}
