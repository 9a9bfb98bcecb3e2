// Names and strings as the commands here say them: see src/imap/format.ts.

import { formatAstring, formatLiteral, formatMailbox, formatString } from '../../imap/format.ts';
import { utf8Octets } from '../../imap/wire-string.ts';
import type { CommandContext } from './context.ts';

/** A string of characters. */
export const stringText = (text: string): string => formatString(utf8Octets(text));

/** The same, without quotes where they are not needed. */
export const astringText = (text: string): string => formatAstring(utf8Octets(text));

/** Octets, whatever they are. RFC 9051 §4.3.1: NUL goes in a literal8 only. */
export const octetsText = (octets: string): string =>
  octets.includes('\0') ? formatLiteral(octets) : formatString(octets);

export const mailboxText = (context: Pick<CommandContext, 'isEnabled'>, name: string): string =>
  formatMailbox(name, {
    utf8: context.isEnabled('IMAP4REV2') || context.isEnabled('UTF8=ACCEPT'),
  });
