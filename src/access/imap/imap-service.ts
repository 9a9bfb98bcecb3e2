// One listener's IMAP service: makes a conversation of each connection.

import type { Counter } from '../../base/metrics.ts';
import type { ImapLimits } from '../../imap/limits.ts';
import type { ImapMachineFactory } from '../../imap/machine.ts';
import type { OpenFolders } from '../../mailbox/open-folders.ts';
import type { PeerService } from '../../net/service.ts';
import type { FolderStore } from '../../store/folder-store.ts';
import type { Spool } from '../../store/spool.ts';
import type { Opening, ReadingParts, ReadingSettings } from '../reading-service.ts';
import { createReadingService } from '../reading-service.ts';
import type { CommandContext } from './context.ts';
import type { DigestTexts } from './fetch/digest-texts.ts';
import { ImapAccess } from './imap-access.ts';
import { ImapConversation } from './imap-conversation.ts';
import type { Voice } from './voice.ts';

export interface ImapServiceSettings extends ReadingSettings {
  readonly limits: ImapLimits;
  /** What an account may keep. RFC 9208. */
  readonly quota: CommandContext['quota'];
  /** How to reach the operator: a URI. */
  readonly admin: string;
}

export interface ImapServiceParts extends ReadingParts {
  /** Asked for each connection. */
  readonly settings: () => ImapServiceSettings;
  /** For each connection. */
  readonly createSession: ImapMachineFactory;
  readonly store: FolderStore;
  /** Of the same store; one for all services of the process. */
  readonly openFolders: OpenFolders;
  readonly texts: DigestTexts;
  readonly spool: Spool;
  readonly urls: CommandContext['urls'];
  /** The account that an address belongs to. */
  readonly accountOf: (address: string) => Promise<string | undefined>;
  /** When an account was made; undefined: it is not among ours. */
  readonly createdOf: (account: string) => Promise<number | undefined>;
  /** Told what people call spam, and what not. */
  readonly sorted?: CommandContext['sorted'];
  readonly counters?: { readonly loggedIn: Counter; readonly commands: Counter } | undefined;
}

export function createImapService(parts: ImapServiceParts): PeerService {
  return createReadingService(parts, {
    name: 'imap',
    // RFC 9051 §7.1.5
    goodbye: (reason) => `* BYE ${reason ?? 'Server shutting down'}\r\n`,
    settings: parts.settings,
    converse: (opening, settings) => converse(parts, opening, settings),
  });
}

function converse(
  parts: ImapServiceParts,
  { peer, login, log, mechanisms, start }: Opening,
  { limits, quota, admin }: ImapServiceSettings,
): ImapConversation {
  const { store, openFolders, texts, spool, urls, accountOf, startTls, clock, counters } = parts;
  const { createdOf } = parts;
  const session = parts.createSession({ ...start, limits });
  const accessParts = {
    ...{
      store,
      openFolders,
      texts,
      spool,
      urls,
      limits,
      quota,
      admin,
      accountOf,
      createdOf,
      login,
      clock,
      log,
    },
    ...{ commands: counters?.commands, sorted: parts.sorted },
  };
  const access = (voice: Voice) => new ImapAccess(accessParts, voice);
  return new ImapConversation({ peer, session, access, startTls, mechanisms, clock, log });
}
