// `postrider send`: hands one message to any SMTP or LMTP server and shows the dialogue, what TLS
// was agreed on, and how long each step took.

import { readFileSync } from 'node:fs';
import { hostname as machineName, userInfo } from 'node:os';
import { Command } from 'commander';
import { firstLineOf } from '../base/error-text.ts';
import { InputError } from '../base/input-error.ts';
import { secretPath } from '../base/secret.ts';
import type { RouteTls } from '../deliver/relay/relay-route.ts';
import type { SendMailResult } from '../deliver/send-mail/send-mail.ts';
import { SendMailError, sendMail } from '../deliver/send-mail/send-mail.ts';
import type { SendMailOptions } from '../deliver/send-mail/send-mail-options.ts';
import { isDomain, parseMailbox } from '../mail/fields/address.ts';
import { replyText } from '../queue/reply-text.ts';
import { dateTimeOf } from '../smtp/extensions/future-release.ts';
import { collect } from './collect.ts';
import { compose } from './compose.ts';
import type { Context } from './context.ts';
import { CliError, printable } from './context.ts';
import { timeOf } from './send-time.ts';
import { messageFrom } from './stdin.ts';

interface SendOptions {
  readonly to?: readonly string[];
  readonly from?: string;
  readonly server: string;
  readonly port?: string;
  readonly tls?: string;
  readonly verify?: boolean;
  readonly auth?: string;
  readonly passwordStdin?: boolean;
  readonly passwordFile?: string;
  readonly ehlo?: string;
  readonly header?: readonly string[];
  readonly lmtp?: boolean;
  readonly at?: string;
  readonly dump?: boolean;
  readonly json?: boolean;
}

export function sendCommand(context: Context): Command {
  return new Command('send')
    .description(
      'send one message to any SMTP server and show the dialogue; the text is read from stdin',
    )
    .requiredOption('--to <address>', 'recipient; may be given several times', collect)
    .option('--from <address>', "sender; '' for the null one")
    .option('--server <host[:port]>', 'a name, an address, or the path of a socket', '127.0.0.1')
    .option('--port <port>', 'default: 25; with --auth 587, with --tls implicit 465')
    .option('--tls <mode>', 'none, starttls or implicit; default: where it is offered')
    .option('--verify', 'the certificate must be good')
    .option('--auth <user>', 'log in; the password comes by one of the next two')
    .option('--password-stdin', 'the first line of stdin')
    .option('--password-file <file>', 'the first line of this file')
    .option('--ehlo <name>', "our name; default: the machine's")
    .option('--header <field>', "'Name: value'; may be given several times", collect)
    .option('--lmtp', 'speak LMTP (RFC 2033)')
    .option(
      '--at <time>',
      "when it is to leave the server: '2026-07-01T09:00Z', or in '2h' (RFC 4865)",
    )
    .option('--dump', 'print the message instead of sending it')
    .option('--json', 'machine-readable output')
    .action((options: SendOptions) => send(context, options));
}

async function send(context: Context, options: SendOptions): Promise<void> {
  const { to = [] } = options;
  const { password, input } = await readInput(context, options);
  const from = options.from ?? defaultSender(options);
  for (const address of [...to, ...(from === '' ? [] : [from])])
    if (parseMailbox(address) === undefined)
      throw new CliError(2, `'${printable(address)}' is not a mail address like ann@example.org`);
  const hostname = options.ehlo ?? machineName();
  if (options.ehlo !== undefined && !isDomain(options.ehlo))
    throw new CliError(2, `--ehlo '${printable(options.ehlo)}' is not a name like mx.example.org`);
  const at = options.at === undefined ? undefined : timeOf(options.at, Date.now());
  const message = composeOrFail(input, { from, to, headers: options.header ?? [], hostname });
  if (options.dump === true) return context.print(message);
  const dialogue: string[] = [];
  const started = performance.now();
  const result = await deliver({
    ...endpointOf(options),
    ...(options.lmtp === true && { protocol: 'lmtp' }),
    ...(options.auth !== undefined && { auth: { user: options.auth, password } }),
    from,
    to,
    message,
    hostname,
    ...(at !== undefined && { params: [`HOLDUNTIL=${dateTimeOf(at)}`] }),
    trace: (direction, line) => {
      dialogue.push(`${direction} ${line}`);
      if (options.json !== true)
        context.print(`${direction}: ${printable(line)}\n`).catch(() => {}); // the reader has gone
    },
  });
  const durationMs = Math.round(performance.now() - started);
  await report(context, options, result, { dialogue, durationMs });
}

type Sent =
  | SendMailResult
  | { readonly error: string; readonly refused: SendMailResult['refused'] };

async function deliver(options: SendMailOptions): Promise<Sent> {
  try {
    return await sendMail(options);
  } catch (error) {
    if (error instanceof InputError) throw new CliError(2, printable(error.message));
    const message = firstLineOf(error);
    return { error: message, refused: error instanceof SendMailError ? error.refused : [] };
  }
}

async function report(
  context: Context,
  { json }: SendOptions,
  sent: Sent,
  more: { readonly dialogue: readonly string[]; readonly durationMs: number },
): Promise<void> {
  const refused = sent.refused.map(({ address, reply }) => ({ address, reply: replyText(reply) }));
  if (json === true) {
    const facts =
      'error' in sent
        ? { accepted: [], error: sent.error }
        : { accepted: sent.accepted, reply: replyText(sent.reply), tls: tlsFacts(sent) };
    await context.print(`${JSON.stringify({ ...facts, refused, ...more })}\n`);
  } else
    for (const { address, reply } of refused)
      context.note(`refused: ${address}: ${printable(reply)}`);
  if ('error' in sent) throw new CliError(1, `not sent: ${printable(sent.error)}`);
  if (refused.length > 0)
    throw new CliError(
      1,
      `not sent to ${refused.length} of ${refused.length + sent.accepted.length} recipients`,
    );
}

function tlsFacts({ tls }: SendMailResult) {
  if (tls === undefined) return null;
  const { protocol, cipher, verified, verifyError = null } = tls;
  return { protocol, cipher, verified, verifyError };
}

/** `host`, `host:port`, `[::1]:port`, `::1`, or `/a/socket`. */
function endpointOf(
  options: SendOptions,
): Pick<SendMailOptions, 'host' | 'port' | 'path' | 'tls' | 'implicitTls'> {
  const { server } = options;
  const tls = tlsOf(options);
  if (server.startsWith('/') || server.startsWith('./')) return { path: server };
  const [, bracketed, name, inServer] = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(server) ?? [];
  const host = bracketed ?? name ?? server; // with several colons and no brackets: an IPv6 address
  const text = options.port ?? inServer;
  const port = text === undefined ? undefined : Number(text);
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536))
    throw new CliError(
      2,
      `the port must be a number from 1 to 65535, not '${printable(text ?? '')}'`,
    );
  return { host, ...tls, ...(port !== undefined && { port }) };
}

function tlsOf({ tls, verify }: SendOptions): { tls: RouteTls; implicitTls?: boolean } {
  const encrypted = verify === true ? 'verify' : 'require';
  switch (tls) {
    case undefined:
      return { tls: verify === true ? 'verify' : 'opportunistic' };
    case 'none':
      return { tls: 'none', implicitTls: false };
    case 'starttls':
      return { tls: encrypted, implicitTls: false };
    case 'implicit':
      return { tls: encrypted, implicitTls: true };
    default:
      throw new CliError(2, `--tls must be none, starttls or implicit, not '${printable(tls)}'`);
  }
}

function defaultSender({ auth }: SendOptions): string {
  if (auth !== undefined && parseMailbox(auth)?.domain) return auth;
  return `${userInfo().username}@${machineName()}`;
}

function composeOrFail(
  input: Uint8Array,
  options: Omit<Parameters<typeof compose>[1], 'now'>,
): Buffer {
  try {
    return compose(input, { ...options, now: Date.now() });
  } catch (error) {
    if (error instanceof TypeError) throw new CliError(2, error.message);
    throw error;
  }
}

/** The message from stdin, and before it the password if it comes that way. */
async function readInput(
  { stdin }: Context,
  { auth, passwordStdin, passwordFile }: SendOptions,
): Promise<{ readonly password: string; readonly input: Buffer }> {
  const input = stdin.isTTY ? Buffer.from('This is a test.\n') : await messageFrom(stdin);
  if (auth === undefined) return { password: '', input };
  if (passwordFile !== undefined) return { password: passwordOf(passwordFile), input };
  if (passwordStdin !== true)
    throw new CliError(2, '--auth needs --password-stdin or --password-file');
  const end = input.indexOf(10);
  const line = end === -1 ? input : input.subarray(0, end);
  const password = line.toString('utf8').replace(/\r$/, '');
  return {
    password,
    input: end === -1 ? Buffer.from('This is a test.\n') : input.subarray(end + 1),
  };
}

function passwordOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/, 1)[0]!;
  } catch {
    throw new CliError(2, `--password-file: ${printable(secretPath(file))} cannot be read`);
  }
}
