// The one place that makes a completion of whatever a command throws. What nobody foresaw says "try
// again later" and nothing about us; the log has the rest. RFC 5530 §3 for the codes.

import { messageOf, stackOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import type { Completion } from '../../imap/event.ts';
import { StorageError, StoreGoneError } from '../../smtp/smtp-error.ts';
import { ContentError } from '../../store/content.ts';
import {
  FolderExistsError,
  MailboxLimitError,
  NoSuchFolderError,
  OverQuotaError,
} from '../../store/folder-errors.ts';
import { ImapRefusal, no } from './refusal.ts';

const sentence = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** The client is gone: there is nobody to answer. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** RFC 9051 §7.1: where messages were to go, the client may create what is missing. */
const storing: ReadonlySet<string> = new Set(['APPEND', 'REPLACE', 'COPY', 'MOVE']);

/** @throws ConnectionLost */
export function completionFor(
  error: unknown,
  { during, account, log }: { during: string; account: string; log: Log },
): Completion {
  if (error instanceof ConnectionLost) throw error;
  if (error instanceof ImapRefusal) return error.completion;
  if (error instanceof NoSuchFolderError)
    return no(storing.has(during) ? 'TRYCREATE' : 'NONEXISTENT', 'There is no such mailbox');
  if (error instanceof FolderExistsError)
    return no('ALREADYEXISTS', 'There is such a mailbox already');
  if (error instanceof OverQuotaError) return no('OVERQUOTA', 'The account is full');
  if (error instanceof MailboxLimitError) return no('LIMIT', sentence(error.message));
  if (error instanceof ContentError) {
    log.error('content-damaged', { during, account, error: error.message });
    return no('CORRUPTION', 'The server cannot read the content of a message');
  }
  if (error instanceof StorageError)
    log.warn('refused for now', { during, account, error: messageOf(error.cause ?? error) });
  else log.error('command failed', { during, account, error: stackOf(error) });
  // What SMTP answers with 452 4.3.1: there is no room, or the disk fails. Reading goes on.
  const noRoom =
    error instanceof StorageError && !(error instanceof StoreGoneError) && error.reply.code === 452;
  if (noRoom && storing.has(during))
    return no('LIMIT', 'There is no room to store it now, try again later');
  if (error instanceof StorageError)
    return no('UNAVAILABLE', 'The mail store has a problem, try again later');
  return no('SERVERBUG', 'Something went wrong here, try again later');
}
