// Commands that this conversation does not have, or not any more, whatever its phase: those of the
// other protocol, those of extensions that are not offered, a second AUTH or STARTTLS.

import type { Command } from '../command.ts';
import { atrn } from '../extensions/atrn.ts';
import { auth } from '../extensions/auth.ts';
import { burl } from '../extensions/burl.ts';
import { chunking } from '../extensions/chunking.ts';
import { etrn } from '../extensions/etrn.ts';
import { isOffered } from '../extensions/index.ts';
import { xclient } from '../extensions/xclient.ts';
import type { Reply } from '../reply.ts';
import { replies } from '../reply.ts';
import type { ServerFacts } from './event.ts';

/** The reply to a command that is not available; undefined if it is. */
export function unavailable(
  verb: Command['verb'],
  facts: ServerFacts,
  authenticated: boolean,
): Reply | undefined {
  switch (verb) {
    // RFC 2033 §4.1: LMTP has LHLO and nothing else; SMTP has no LHLO.
    case 'EHLO':
    case 'HELO':
      return facts.protocol === 'lmtp' ? replies.useLhlo : undefined;
    case 'LHLO':
      return facts.protocol === 'lmtp' ? undefined : replies.useEhlo;
    case 'BDAT':
      return isOffered(chunking, facts) ? undefined : replies.notImplemented;
    case 'BURL':
      return isOffered(burl, facts) ? undefined : replies.notImplemented;
    case 'ATRN':
      return isOffered(atrn, facts) ? undefined : replies.notImplemented;
    case 'ETRN':
      return isOffered(etrn, facts) ? undefined : replies.notImplemented;
    case 'STARTTLS':
      if (facts.secure) return replies.tlsAlready;
      return facts.startTls && !facts.withheld?.has('STARTTLS')
        ? undefined
        : replies.tlsUnavailable;
    case 'AUTH':
      return authenticated ? replies.authAlready : authUnavailable(facts);
    case 'XCLIENT':
      return isOffered(xclient, facts) ? undefined : replies.notProxy;
    default:
      return undefined;
  }
}

// RFC 4954 §4: 538 tells a client that STARTTLS would help.
function authUnavailable(facts: ServerFacts): Reply | undefined {
  if (isOffered(auth, facts)) return undefined;
  const later = facts.startTls && !facts.secure && !facts.withheld?.has('AUTH');
  return later ? replies.authNeedsTls : replies.notImplemented;
}
