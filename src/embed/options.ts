// What an SmtpServer is told, and the look at it before anything else: a slip in a name is an error at
// once, not a limit that never was or a hook that is never called.

import type { Given } from '../base/input-error.ts';
import { InputError, quoted, refuseNumbersBelow, refuseUnknown } from '../base/input-error.ts';
import type { Log } from '../base/log.ts';
import { isDomain } from '../mail/fields/address.ts';
import { parseNetwork } from '../net/network.ts';
import type { PemSource, TlsSource } from '../net/tls.ts';
import type { LoginThrottleOptions } from '../policy/accounts/login-throttle.ts';
import type { ClientFacts } from '../policy/envelope.ts';
import type { Hooks, Verdict } from '../policy/hooks.ts';
import type { SessionLimits } from '../smtp/limits.ts';
import { defaultLimits } from '../smtp/limits.ts';
import type { ReceivedMessage } from './received-message.ts';

export type { Verdict };

/** The account that the user has logged in to; undefined when the password is wrong. */
export type AuthResult = string | undefined | Promise<string | undefined>;

/** How somebody logs in. */
export interface LoginFacts {
  readonly client: ClientFacts;
  /** `PLAIN`, `LOGIN`, `OAUTHBEARER`, `XOAUTH2` */
  readonly mechanism: string;
  /** The client's session, as in the log and in `client.session`. */
  readonly session: string;
}

/** What a client may take: octets, counts, milliseconds. docs/config.md has more on each. */
export interface SmtpServerLimits {
  /** Of a command line with its CRLF. Default: 512, and what extensions add. */
  readonly commandBytes: number;
  /** Of a message; 0: any number. Default: 50 MiB. */
  readonly messageBytes: number;
  /** Of a line of text without its CRLF; 0: any number. Default: 998. */
  readonly textLineBytes: number;
  /** Of the header. Default: 1 MiB. */
  readonly headerBytes: number;
  /** Of a local part; at most 512. Default: 256. */
  readonly localPartBytes: number;
  /** Of one message. Default: 1000. */
  readonly recipients: number;
  /** Refusals (5yz) since the last message taken, before 421. Default: 20. */
  readonly errors: number;
  /** Commands that bring no mail nearer since the last message. Default: 100. */
  readonly idleCommands: number;
  /** Over one connection; 0: any number. Default: 0. */
  readonly messages: number;
  /** Different domains of recipients over one connection; 0: any number. Default: 0. */
  readonly recipientDomains: number;
  /** Wait for a command. Default: 5 minutes. */
  readonly commandMs: number;
  /** Wait for the next piece of a message. Default: 10 minutes. */
  readonly contentMs: number;
  /** Open ones in all. Default: 10,000. */
  readonly connections: number;
  /** From one address, or one IPv6 /64. Default: 100. */
  readonly connectionsPerClient: number;
}

/** The hooks are those of a configuration; nothing cuts them short, so `signal` is never aborted. */
export interface SmtpServerOptions extends Omit<Hooks, 'onMessage'> {
  /** For the greeting, EHLO and Received. Default: 'localhost'. */
  readonly hostname?: string | undefined;
  /** 'submission' demands a login before MAIL. Default: 'smtp'. */
  readonly service?: 'smtp' | 'submission' | 'lmtp' | undefined;
  /**
   * 'self-signed', or a certificate and its key, each a PEM file, its text or its octets; or several
   * of them, of which a client gets the one for the name it asks for (SNI). Default: no TLS.
   */
  readonly tls?: TlsSource | undefined;
  /** TLS from the first byte (port 465) instead of STARTTLS. */
  readonly implicitTls?: boolean | undefined;
  /** PEM: who may have signed client certificates, which are asked for then: see `client.tls`. */
  readonly clientAuthorities?: PemSource | undefined;
  /** Offers AUTH without TLS. Only for tests on loopback. */
  readonly insecureAuth?: boolean | undefined;
  /** The PROXY protocol (1 and 2) from these networks, `['10.0.0.0/8']`, within 5 s. */
  readonly proxyProtocol?:
    | { readonly from: readonly string[]; readonly timeoutMs?: number | undefined }
    | undefined;
  readonly limits?: Given<SmtpServerLimits> | undefined;
  /** What happens to those who guess passwords; false for nothing. Default: slowed, then cut off. */
  readonly loginThrottle?: Given<Omit<LoginThrottleOptions, 'clock'>> | false | undefined;
  /** Default: warnings and errors go to stderr, such as what a hook threw; silentLog for nothing. */
  readonly log?: Log | undefined;
  /** The account if the password is right; undefined if not. Its presence offers PLAIN and LOGIN. */
  onAuth?(user: string, password: string, login: LoginFacts): AuthResult;
  /** The same for a bearer token. Its presence offers OAUTHBEARER and XOAUTH2. */
  onToken?(user: string, token: string, login: LoginFacts): AuthResult;
  /** The client hears 250 when this resolves: store the message first. */
  onMessage(message: ReceivedMessage): Verdict;
  /** The connection is gone, whoever ended it. Once for each that onConnect was asked about. */
  onClose?(client: ClientFacts): void;
}

type Name = keyof SmtpServerOptions;
/** Of a configuration, too: none is left out. */
const shared: Readonly<Record<Exclude<keyof Hooks, 'onMessage'>, true>> = {
  ...({ onConnect: true, onSecure: true, onMail: true, onRecipient: true } as const),
};
const hooks: readonly Name[] = [
  ...(Object.keys(shared) as (keyof typeof shared)[]),
  ...(['onAuth', 'onToken', 'onClose'] as const),
];
const known: readonly Name[] = [
  ...(['hostname', 'service', 'tls', 'implicitTls', 'clientAuthorities', 'insecureAuth'] as const),
  ...(['proxyProtocol', 'limits', 'loginThrottle', 'log', 'onMessage'] as const),
  ...hooks,
];
/** The names of the library and those of the sessions. */
const sessionNames: ReadonlyMap<string, keyof SessionLimits> = new Map<
  keyof SmtpServerLimits,
  keyof SessionLimits
>([
  ['commandBytes', 'commandLine'],
  ['messageBytes', 'messageSize'],
  ['textLineBytes', 'textLine'],
  ['headerBytes', 'headerSize'],
  ['localPartBytes', 'localPart'],
  ['recipients', 'recipients'],
  ['errors', 'errorsPerConnection'],
  ['idleCommands', 'commandsWithoutMail'],
  ['messages', 'messagesPerConnection'],
  ['recipientDomains', 'domainsPerConnection'],
  ['commandMs', 'commandTimeout'],
  ['contentMs', 'contentTimeout'],
]);
const knownLimits = [...sessionNames.keys(), 'connections', 'connectionsPerClient'];
const knownThrottle = ['failuresPerNetwork', 'window', 'blockFor', 'delay', 'delayMax'];

/** @throws InputError */
export function checkOptions(given: SmtpServerOptions): void {
  const options: SmtpServerOptions = given ?? {};
  refuseUnknown(options, known);
  if (options.onMessage === undefined)
    throw new InputError('MISSING_OPTION', 'onMessage', 'is missing: it takes the messages');
  for (const name of ['onMessage', ...hooks] as const)
    if (options[name] !== undefined && typeof options[name] !== 'function')
      throw new InputError('INVALID_OPTION', name, 'must be a function');
  const { hostname, service, limits = {}, loginThrottle, proxyProtocol } = options;
  if (hostname !== undefined && !(typeof hostname === 'string' && isDomain(hostname)))
    throw new InputError(
      'INVALID_HOSTNAME',
      'hostname',
      `'${quoted(String(hostname))}' is not a name like mx.example.org`,
    );
  if (service !== undefined && !['smtp', 'submission', 'lmtp'].includes(service))
    throw new InputError('INVALID_OPTION', 'service', "must be 'smtp', 'submission' or 'lmtp'");
  checkTls(options);
  checkLog(options.log);
  checkLogin(options);
  checkNumbers(limits, 'limits', knownLimits);
  // With none of these there is no mail; elsewhere 0 is "any number", and there it might be meant.
  const { connections, connectionsPerClient, recipients, commandMs, contentMs } = limits;
  const needed = { connections, connectionsPerClient, recipients, commandMs, contentMs };
  refuseNumbersBelow(1, needed, 'limits');
  if (loginThrottle !== undefined && loginThrottle !== false)
    checkNumbers(loginThrottle, 'loginThrottle', knownThrottle);
  if (proxyProtocol !== undefined) checkProxy(proxyProtocol);
}

function checkLogin({ service, onAuth, onToken, insecureAuth }: SmtpServerOptions): void {
  checkSwitch('insecureAuth', insecureAuth);
  if (service === 'submission' && onAuth === undefined && onToken === undefined)
    throw new InputError('MISSING_OPTION', 'onAuth', "is missing: 'submission' demands a login");
}

/** A word out of the environment would switch on what it says is off: 'false'. */
function checkSwitch(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean')
    throw new InputError('INVALID_OPTION', name, 'must be true or false');
}

function checkLog(log: unknown): void {
  const names = ['debug', 'info', 'warn', 'error'] as const;
  const given = log as Partial<Record<(typeof names)[number], unknown>> | null | undefined;
  if (given !== undefined && !names.every((name) => typeof given?.[name] === 'function'))
    throw new InputError('INVALID_OPTION', 'log', `must have the functions ${names.join(', ')}`);
}

const isPemSource = (value: unknown) =>
  (typeof value === 'string' && value !== '') || value instanceof Uint8Array;

function checkTls({ tls, implicitTls, clientAuthorities }: SmtpServerOptions): void {
  checkSwitch('implicitTls', implicitTls);
  if (clientAuthorities !== undefined && !isPemSource(clientAuthorities))
    throw new InputError(
      'INVALID_OPTION',
      'clientAuthorities',
      'must be a PEM file, its text or its octets; several authorities stand in one',
    );
  if (tls === undefined && (implicitTls === true || clientAuthorities !== undefined)) {
    const wants = implicitTls === true ? 'implicitTls' : 'clientAuthorities';
    throw new InputError('MISSING_OPTION', 'tls', `is missing: ${wants} needs a certificate`);
  }
  if (tls === undefined || tls === 'self-signed') return;
  if (Array.isArray(tls) && tls.length === 0)
    throw new InputError('MISSING_OPTION', 'tls', 'is an empty list: name a certificate');
  for (const [i, one] of [tls].flat().entries()) {
    const at = Array.isArray(tls) ? `tls[${i}]` : 'tls';
    if (typeof one !== 'object' || one === null)
      throw new InputError(
        'INVALID_OPTION',
        at,
        "must be 'self-signed' or { certificate, privateKey }",
      );
    refuseUnknown(one, ['certificate', 'privateKey', 'passphrase'], at);
    for (const name of ['certificate', 'privateKey'] as const)
      if (!isPemSource((one as Record<typeof name, unknown>)[name]))
        throw new InputError(
          'INVALID_OPTION',
          `${at}.${name}`,
          'must be a PEM file, its text or its octets',
        );
    const { passphrase }: { readonly passphrase?: unknown } = one;
    if (passphrase !== undefined && typeof passphrase !== 'string')
      throw new InputError('INVALID_OPTION', `${at}.passphrase`, 'must be a text');
  }
}

function checkNumbers(given: object, at: string, names: readonly string[]): void {
  refuseUnknown(given, names, at);
  refuseNumbersBelow(0, given, at);
}

function checkProxy(given: NonNullable<SmtpServerOptions['proxyProtocol']>): void {
  refuseUnknown(given, ['from', 'timeoutMs'], 'proxyProtocol');
  const { from, timeoutMs } = given;
  if (!Array.isArray(from) || from.length === 0)
    throw new InputError('MISSING_OPTION', 'proxyProtocol.from', 'is missing: name your proxies');
  for (const [i, network] of from.entries())
    if (typeof network !== 'string' || parseNetwork(network) === undefined)
      throw new InputError(
        'INVALID_OPTION',
        `proxyProtocol.from[${i}]`,
        `'${quoted(String(network))}' is not a network like 10.0.0.0/8`,
      );
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs > 0))
    throw new InputError('INVALID_OPTION', 'proxyProtocol.timeoutMs', 'must be milliseconds');
}

const zeroIsAny: ReadonlySet<string> = new Set<keyof SmtpServerLimits>([
  ...(['messageBytes', 'textLineBytes', 'messages', 'recipientDomains'] as const),
]);
/** RFC 9422 §4.2: RCPTMAX has six digits. */
const recipientsMax = 999_999;

/** RFC 1870 §4, RFC 9422 §2: EHLO has them in digits; `0.1 * 2 ** 20` is no whole number, and Infinity none of any. */
function inDigits(name: string, value: number): number {
  const whole = Math.ceil(value);
  if (name === 'recipients') return Math.min(whole, recipientsMax);
  return zeroIsAny.has(name) && !Number.isSafeInteger(whole) ? 0 : whole;
}

/** What is undefined hides no default. */
export function sessionLimits(given: Given<SmtpServerLimits> = {}): SessionLimits {
  const limits = Object.entries(given).flatMap(([name, value]) => {
    const known = sessionNames.get(name);
    return known === undefined || value === undefined
      ? []
      : [[known, inDigits(name, value)] as const];
  });
  return { ...defaultLimits, ...Object.fromEntries(limits) };
}
