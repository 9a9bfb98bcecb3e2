// `postrider sendmail`: as programs call /usr/sbin/sendmail (PHP's sendmail_path, cron, mail), for those who catch
// their mail: what comes on stdin goes to the SMTP port of `postrider dev`.

import { randomUUID } from 'node:crypto';
import { hostname as machineName, userInfo } from 'node:os';
import { Command } from 'commander';
import { hostAndPort } from '../config/settings/setting.ts';
import { sendMail } from '../deliver/send-mail/send-mail.ts';
import { formatMailbox, parseMailbox } from '../mail/fields/address.ts';
import { formatDate } from '../mail/fields/date.ts';
import { EnvelopeFields } from '../mail/fields/envelope.ts';
import { mailboxesOf, writtenAddress } from '../mail/fields/structured.ts';
import { dropFields } from '../mail/header/dropped-fields.ts';
import { findHeaderEnd, foldHeader, scanHeader } from '../mail/header/header.ts';
import { compose } from './compose.ts';
import type { Context } from './context.ts';
import { CliError, printable } from './context.ts';
import { messageFrom } from './stdin.ts';

export function sendmailCommand(context: Context): Command {
  const command = new Command('sendmail');
  return command
    .description(
      'like /usr/sbin/sendmail: -t, -i, -f ADDRESS; -S HOST:PORT (127.0.0.1:1025) is where it goes',
    )
    .argument('[arguments...]')
    .helpOption('--help')
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => send(context, readArguments(command.args)));
}

export interface SendmailCall {
  readonly from: string | undefined;
  /** Recipients are those of To, Cc and Bcc, too. */
  readonly readsHeader: boolean;
  /** A line with nothing but a dot does not end the message. */
  readonly ignoresDots: boolean;
  readonly server: string;
  readonly recipients: readonly string[];
}

/** Letters of sendmail that have a value, and mean nothing here. */
const withValue = new Set(['B', 'C', 'D', 'F', 'h', 'L', 'N', 'O', 'o', 'p', 'R', 'r', 'V', 'X']);

/** @throws CliError */
export function readArguments(given: readonly string[]): SendmailCall {
  let call: SendmailCall = {
    ...{ from: undefined, readsHeader: false, ignoresDots: false },
    ...{ server: process.env.POSTRIDER_SENDMAIL_SERVER ?? '127.0.0.1:1025', recipients: [] },
  };
  const left = [...given];
  for (let next = left.shift(); next !== undefined; next = left.shift()) {
    const [, letter, attached = ''] = /^-(\w)(.*)$/s.exec(next) ?? [];
    const read = () => (attached === '' ? (left.shift() ?? '') : attached);
    if (next === '--') {
      call = { ...call, recipients: [...call.recipients, ...left] };
      break;
    }
    if (next.startsWith('--'))
      throw new CliError(
        2,
        `sendmail has no option '${printable(next)}'; see \`postrider sendmail --help\``,
      );
    if (letter === undefined) call = { ...call, recipients: [...call.recipients, next] };
    else if (letter === 'f' || letter === 'r') call = { ...call, from: read() };
    else if (letter === 'S') call = { ...call, server: read() };
    else if (letter === 'b' && !/^m?$/.test(attached))
      throw new CliError(
        2,
        `sendmail -b${printable(attached)} is not done here: only mail is sent`,
      );
    else if (letter === 'o' && attached === 'i') call = { ...call, ignoresDots: true };
    else if (withValue.has(letter)) read();
    else call = flagsOf(call, `${letter}${attached}`);
  }
  return call;
}

/** `-ti` is `-t -i`; other letters mean nothing here. */
const flagsOf = (call: SendmailCall, letters: string): SendmailCall => ({
  ...call,
  readsHeader: call.readsHeader || letters.includes('t'),
  ignoresDots: call.ignoresDots || letters.includes('i'),
});

async function send(context: Context, call: SendmailCall): Promise<void> {
  const input = beforeDot(await messageFrom(context.stdin), call.ignoresDots);
  const sender = call.from ?? `${userInfo().username}@${machineName()}`;
  const text = compose(input, {
    from: sender,
    to: call.recipients,
    headers: [],
    hostname: machineName(),
    now: Date.now(),
  });
  const head = text.subarray(0, findHeaderEnd(text));
  const { from, to, cc, bcc } = new EnvelopeFields(head).envelope();
  const named = call.readsHeader ? mailboxesOf([...to, ...cc, ...bcc]) : [];
  const written = named.map(writtenAddress);
  const recipients = [...new Set([...call.recipients, ...written].map(completed))];
  if (recipients.length === 0)
    throw new CliError(2, 'there are no recipients: name them, or give -t and a To field');
  const [author] = mailboxesOf(from);
  const envelopeFrom = call.from ?? (author ? writtenAddress(author) : sender);
  const { host, port } = placeOf(call.server);
  const { refused } = await sendMail({
    ...{ host, port, from: envelopeFrom === '' ? '' : completed(envelopeFrom), to: recipients },
    message: completedHead(dropFields(text, ['bcc']), envelopeFrom),
    tls: 'none',
  }).catch((error: Error) => {
    throw new CliError(1, `not sent to ${printable(call.server)}: ${printable(error.message)}`);
  });
  if (refused.length > 0)
    throw new CliError(
      1,
      `refused: ${refused.map(({ address }) => printable(address)).join(', ')}`,
    );
}

/** RFC 5322 §3.6: a message has a date, an author and an identifier. */
function completedHead(message: Buffer, author: string): Buffer {
  const { hasDate, hasFrom, hasMessageId } = scanHeader(message);
  const fields = [
    hasDate ? '' : foldHeader('Date', formatDate(Date.now())),
    hasFrom ? '' : foldHeader('From', author),
    hasMessageId ? '' : foldHeader('Message-ID', `<${randomUUID()}@${machineName()}>`),
  ];
  return Buffer.concat([Buffer.from(fields.join('')), message]);
}

/** A name alone is somebody on this machine. @throws CliError */
function completed(address: string): string {
  const bare = /<([^<>]*)>/.exec(address)?.[1] ?? address;
  const mailbox = parseMailbox(bare, 'localhost');
  if (mailbox === undefined) throw new CliError(2, `'${printable(address)}' is no mail address`);
  return formatMailbox(mailbox);
}

/** @throws CliError */
function placeOf(server: string): { readonly host: string; readonly port: number } {
  const place = hostAndPort(server.replace(/^smtp:\/\//i, ''));
  if (place === undefined)
    throw new CliError(2, `-S wants HOST:PORT such as 127.0.0.1:1025, not '${printable(server)}'`);
  return place;
}

function beforeDot(input: Buffer, ignoresDots: boolean): Buffer {
  if (ignoresDots) return input;
  const found = /^\.\r?$/m.exec(input.toString('latin1'));
  return found === null ? input : input.subarray(0, found.index);
}
