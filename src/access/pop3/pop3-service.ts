// One listener's POP3 service: makes a conversation of each connection.

import type { Counter } from '../../base/metrics.ts';
import type { PeerService } from '../../net/service.ts';
import type { Pop3Limits } from '../../pop3/limits.ts';
import { err, formatResponse, responses } from '../../pop3/response.ts';
import { Pop3Session } from '../../pop3/session.ts';
import type { Opening, ReadingParts, ReadingSettings } from '../reading-service.ts';
import { createReadingService } from '../reading-service.ts';
import type { Maildrops } from './maildrops.ts';
import { Pop3Access } from './pop3-access.ts';
import { Pop3Conversation } from './pop3-conversation.ts';

export interface Pop3ServiceSettings extends ReadingSettings {
  /** Least time between two logins of an account; 0 for none. RFC 2449 §6.5. */
  readonly loginDelay: number;
  readonly limits: Pop3Limits;
}

export interface Pop3ServiceParts extends ReadingParts {
  /** Asked for each connection. */
  readonly settings: () => Pop3ServiceSettings;
  /** Shared by all POP3 listeners: a mailbox is open in one session at a time. */
  readonly maildrops: Maildrops;
  readonly counters?: { readonly loggedIn: Counter; readonly retrievals: Counter } | undefined;
}

export function createPop3Service(parts: Pop3ServiceParts): PeerService {
  return createReadingService(parts, {
    name: 'pop3',
    // -ERR tells the client to go away.
    goodbye: (reason) =>
      formatResponse(reason === undefined ? responses.shuttingDown : err(reason, 'SYS/TEMP')),
    settings: parts.settings,
    converse: (opening, settings) => converse(parts, opening, settings),
  });
}

function converse(
  { maildrops, startTls, clock, counters }: Pop3ServiceParts,
  { peer, login, log, mechanisms, start }: Opening,
  { loginDelay, limits }: Pop3ServiceSettings,
): Pop3Conversation {
  const loginDelaySeconds = Math.ceil(loginDelay / 1000);
  const session = new Pop3Session({ ...start, loginDelaySeconds, limits });
  const retrievals = counters?.retrievals;
  const access = new Pop3Access({ login, maildrops, loginDelay, log, retrievals });
  return new Pop3Conversation({ peer, session, access, startTls, mechanisms, clock, log });
}
