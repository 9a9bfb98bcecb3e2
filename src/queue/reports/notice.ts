// A message from us to people here: what happened to something of theirs. In plain text, automatic
// (RFC 3834 §5), with the null sender, so that nothing ever answers it.

import type { Clock } from '../../base/clock.ts';
import { formatDate } from '../../mail/fields/date.ts';
import { foldHeader } from '../../mail/header/header.ts';
import { isAscii } from '../../mail/status/delivery-status.ts';
import type { NewMessage, NewRecipient } from '../../store/queue-store.ts';

export interface Notice {
  readonly to: readonly string[];
  /** ASCII. */
  readonly subject: string;
  /** Each a line or a paragraph without line ends. */
  readonly paragraphs: readonly string[];
}

export interface NoticeParts {
  readonly hostname: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly ids: () => string;
}

/** Ready to be queued for `recipients`, who are what the addresses in `to` stand for. */
export function noticeMessage(
  { to, subject, paragraphs }: Notice,
  recipients: readonly NewRecipient[],
  { hostname, clock, ids }: NoticeParts,
): NewMessage {
  const id = ids();
  const now = clock.now();
  const text = `${paragraphs.join('\r\n\r\n')}\r\n`;
  const encoding = isAscii(text) ? '' : 'Content-Transfer-Encoding: 8bit\r\n';
  const addressed = to.map((address) => `<${address}>`).join(', ');
  const header =
    `Date: ${formatDate(now)}\r\n` +
    `From: Mail System <mailer-daemon@${hostname}>\r\n` +
    foldHeader('To', addressed) +
    foldHeader('Subject', subject) +
    `Message-ID: <${id}@${hostname}>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n` +
    `Content-Type: text/plain; charset=utf-8\r\n${encoding}\r\n`;
  return {
    ...{ id, received: now, sender: '' },
    params: [
      ...(encoding === '' ? [] : ['BODY=8BITMIME']),
      ...(isAscii(addressed) ? [] : ['SMTPUTF8']),
    ],
    recipients: recipients.map((recipient) => ({ ...recipient, params: ['NOTIFY=NEVER'] })),
    prefix: '',
    content: { kind: 'inline', bytes: Buffer.from(header + text) },
    origin: { session: id, service: 'queue', protocol: 'local' },
    messageId: `<${id}@${hostname}>`,
  };
}
