// What a notification says to the person who sent the mail: what happened, in whose words, and what
// can be done. Plain sentences, no line over 76 characters unless a word is longer.

import { unreachable } from '../../base/assert.ts';
import type { Action } from '../../mail/status/delivery-status.ts';

export interface TextRecipient {
  readonly address: string;
  /** `550 5.1.1 No such user` */
  readonly reply: string;
  /** RFC 3463: `5.1.1`. */
  readonly status: string;
  /** The host whose words `reply` is; undefined when they are ours. */
  readonly host: string | undefined;
  /** Given up after trying for long. */
  readonly expired: boolean;
  /** By the time that the sender set. */
  readonly late: boolean;
}

export interface TextFacts {
  readonly hostname: string;
  readonly action: Action;
  readonly recipients: readonly TextRecipient[];
  readonly subject: string;
  readonly arrival: string;
  readonly queueId: string;
  readonly retryUntil: string | undefined;
}

/** Limit: recipients named in the text; the report's second part, which programs read, has all of them. */
const recipientsMax = 50;

export const subjects: Readonly<Record<Action, string>> = {
  failed: 'Your mail could not be delivered',
  delayed: 'Your mail is delayed and will be tried again',
  delivered: 'Your mail was delivered',
  relayed: 'Your mail was handed on',
  expanded: 'Your mail was sent on to several addresses',
};

export function reportText(facts: TextFacts): string {
  const { hostname, action, recipients, subject, arrival, queueId, retryUntil } = facts;
  const paragraphs = [
    `This is the mail system at ${hostname}.`,
    opening(action, recipients.length, retryUntil),
    ...recipients.slice(0, recipientsMax).map((recipient) => recipientText(recipient, action)),
  ];
  if (recipients.length > recipientsMax)
    paragraphs.push(`… and ${recipients.length - recipientsMax} more, named in the next part.`);
  if (action === 'failed') paragraphs.push(...adviceFor(recipients));
  if (action === 'delayed') paragraphs.push('You need not do anything; do not send it again.');
  const what = subject === '' ? 'It had no subject' : `Its subject was: ${subject}`;
  paragraphs.push(
    `${what}\nIt arrived here on ${arrival} and was known as ${queueId}, which you can quote to postmaster@${hostname}.`,
  );
  return `${paragraphs.map(wrap).join('\r\n\r\n')}\r\n`;
}

function opening(action: Action, count: number, retryUntil: string | undefined): string {
  const whom = count === 1 ? 'this recipient' : 'these recipients';
  switch (action) {
    case 'failed':
      return `I am sorry: your message could not be delivered to ${whom}, and it will not be tried again.`;
    case 'delayed':
      return `Your message could not be delivered to ${whom} yet. ${
        retryUntil === undefined
          ? 'It will be tried again.'
          : `It will be tried again until ${retryUntil}; should that fail, you will be told.`
      }`;
    case 'delivered':
      return `As you asked to be told: your message was delivered to the mailbox of ${whom}.`;
    case 'relayed':
      return `As you asked to be told: your message for ${whom} was handed on to a mail system that does not report deliveries. You may hear no more of it.`;
    case 'expanded':
      return `As you asked to be told: your message for ${whom} was accepted and sent on to the several addresses behind it.`;
    default:
      return unreachable(action);
  }
}

function recipientText(recipient: TextRecipient, action: Action): string {
  const { address, reply, host, expired, late } = recipient;
  if (action === 'expanded') return `<${address}>`;
  const words = host === undefined ? 'This system says:' : `The mail server ${host} says:`;
  const tried = late
    ? '\n    It was not delivered by the time that was set for it.'
    : '\n    It was tried for as long as this system tries.';
  const waited = expired || (late && action === 'delayed') ? tried : '';
  return `<${address}>${waited}\n    ${words}\n    ${reply}`;
}

const onlyByTls =
  'You asked that the message travel over verified TLS only, and the way there is not like that. Please send it without asking so, or reach the recipient in another way.';

// What the sender can do, by the detail of RFC 3463 §3. The first that begins the detail counts.
const advice: readonly (readonly [detail: string, text: string])[] = [
  ['1.1', 'Please check the address for typing errors, above all the part before the @.'],
  ['1.2', 'Please check the part of the address after the @: no mail can be sent there.'],
  ['1.3', 'Please check the address: it is not written as an address must be.'],
  ['1.6', 'The recipient has moved. Please ask for the new address.'],
  ['1.10', 'The domain after the @ takes no mail at all. Please check it.'],
  ['2.1', 'The mailbox is disabled. Please reach the recipient in another way.'],
  ['2.2', "The recipient's mailbox is full. Please try again later or tell them in another way."],
  ['2.3', 'The message is too large for the recipient. Please send a smaller one, or a link.'],
  [
    '3.3',
    'Something was asked for that the next mail server does not do. Please send the message without asking so.',
  ],
  ['3.4', 'The message is too large for the recipient. Please send a smaller one, or a link.'],
  ['4.6', "The message went round in circles: somebody's forwarding leads back to itself."],
  ['4.4', 'Please check the part of the address after the @: no server takes mail for it.'],
  ['6.3', 'The next mail server cannot take a message of this form. Please send it as plain text.'],
  ['6.7', 'The next mail server cannot take international addresses. Please use another address.'],
  ['6', 'The next mail server did not like the form of the message. Please send it differently.'],
  // RFC 8689 §4.2.1
  ['7.10', onlyByTls],
  ['7.30', onlyByTls],
  [
    '7',
    'The mail server refused the message by its rules. Please quote its words to its postmaster.',
  ],
];
const triedLong =
  'The mail server of the recipient could not be reached, or would not take the message, for a long time. You can send it again later.';
const unknownCause =
  'If you do not understand the reason, quote it to the postmaster of the domain after the @.';

function adviceFor(recipients: readonly TextRecipient[]): string[] {
  const texts = new Set<string>();
  for (const { status, expired } of recipients) {
    const detail = status.slice(status.indexOf('.') + 1);
    const found = advice.find(([key]) => detail === key || detail.startsWith(`${key}.`));
    texts.add(expired ? triedLong : (found?.[1] ?? unknownCause));
  }
  return texts.size > 3 ? [unknownCause] : [...texts];
}

/** Wraps each line at 76 characters, keeping its indentation. CRLF line ends. */
function wrap(paragraph: string): string {
  return paragraph.split('\n').map(wrapLine).join('\r\n');
}

function wrapLine(line: string): string {
  const indent = /^ */.exec(line)![0];
  const lines: string[] = [];
  let current = indent;
  // Limit: a word is cut at 900, so that no line comes near the 998 of RFC 5322 §2.1.1.
  for (const word of line.match(/[^ ]{1,900}/g) ?? []) {
    if (current.length > indent.length && current.length + 1 + word.length > 76) {
      lines.push(current);
      current = indent;
    }
    current += current.length > indent.length ? ` ${word}` : word;
  }
  return [...lines, current].join('\r\n');
}
