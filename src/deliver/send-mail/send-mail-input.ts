// What sendMail() was given, looked at before anything is done: names and addresses are read by the
// grammar of the wire (RFC 5321 §4.1.2, RFC 6531 §3.3), so that none of them can say more there than
// it should.

import { X509Certificate } from 'node:crypto';
import { hostname as systemHostname } from 'node:os';
import { InputError, quoted, refuseNumbersBelow, refuseUnknown } from '../../base/input-error.ts';
import { formatMailbox, isDomain, parseMailbox } from '../../mail/fields/address.ts';
import { credentialProblem } from '../../sasl/client.ts';
import { defaultTimeouts } from '../../smtp/client/timeouts.ts';
import { parseStoredMailParams, parseStoredRcptParams } from '../../smtp/extensions/index.ts';
import type { Addressee } from '../relay/next-hop.ts';
import type { SendMailOptions, SendMailRecipient } from './send-mail-options.ts';

/** What goes onto the wire. */
export interface SendMailInput {
  /** '' is the null reverse-path. */
  readonly sender: string;
  readonly recipients: readonly Addressee[];
  readonly params: readonly string[];
  readonly hostname: string;
  readonly message: Uint8Array;
}

const known: readonly (keyof SendMailOptions)[] = [
  ...(['host', 'port', 'path', 'protocol', 'tls', 'implicitTls', 'auth', 'from', 'to'] as const),
  ...(['message', 'params', 'hostname', 'authorities', 'trace', 'connectMs', 'timeouts'] as const),
  'signal',
];

/** @throws InputError */
export function checkedInput(given: SendMailOptions): SendMailInput {
  const options: Partial<SendMailOptions> = given ?? {};
  refuseUnknown(options, known);
  const { host, port, path, auth, message } = options;
  if (host !== undefined && !isName(host))
    throw new InputError('INVALID_OPTION', 'host', 'must be a host name or an address');
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536))
    throw new InputError('INVALID_OPTION', 'port', 'must be a number from 1 to 65535');
  if (path !== undefined && (typeof path !== 'string' || path === '' || path.includes('\0')))
    throw new InputError('INVALID_OPTION', 'path', 'must be the path of a Unix socket');
  checkManner(options);
  if (message === undefined)
    throw new InputError('MISSING_OPTION', 'message', 'is missing: header, an empty line, body');
  if (typeof message !== 'string' && !(message instanceof Uint8Array))
    throw new InputError('INVALID_OPTION', 'message', 'must be a text or octets');
  if (auth !== undefined) checkCredentials(auth);
  return {
    sender: options.from === '' ? '' : address(options.from, 'from'),
    recipients: recipientsOf(options.to),
    params: wireParams(options.params, 'params', parseStoredMailParams),
    hostname: ourName(options.hostname),
    message: typeof message === 'string' ? Buffer.from(message) : message,
  };
}

/** How it is to go. A word that is not known must not be taken for "without TLS". */
function checkManner(options: Partial<SendMailOptions>): void {
  for (const [name, words] of [
    ['tls', ['none', 'opportunistic', 'require', 'verify']],
    ['protocol', ['smtp', 'lmtp']],
  ] as const)
    if (options[name] !== undefined && !(words as readonly string[]).includes(options[name]))
      throw new InputError(
        'INVALID_OPTION',
        name,
        `must be one of ${words.map((word) => `'${word}'`).join(', ')}`,
      );
  for (const [name, type] of [
    ['implicitTls', 'boolean'],
    ['trace', 'function'],
  ] as const)
    if (options[name] !== undefined && typeof options[name] !== type)
      throw new InputError('INVALID_OPTION', name, `must be a ${type}`);
  const { timeouts = {}, connectMs, authorities } = options;
  refuseUnknown(timeouts, Object.keys(defaultTimeouts), 'timeouts');
  refuseNumbersBelow(1, timeouts, 'timeouts');
  refuseNumbersBelow(1, { connectMs });
  if (authorities !== undefined && !isCertificate(authorities))
    throw new InputError(
      'INVALID_OPTION',
      'authorities',
      'must be the text of a PEM file with certificates',
    );
  // Also one of another realm, or made by hand.
  const signal = options.signal as Partial<AbortSignal> | null | undefined;
  if (signal != null && typeof signal.addEventListener !== 'function')
    throw new InputError('INVALID_OPTION', 'signal', 'must be an AbortSignal');
}

/** The runtime takes any text, and trusts nobody then. */
function isCertificate(pem: unknown): boolean {
  try {
    return typeof pem === 'string' && new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}

function recipientsOf(to: SendMailOptions['to'] | undefined): Addressee[] {
  const list = [to].flat() as readonly SendMailRecipient[];
  if (list.length === 0) throw new InputError('MISSING_OPTION', 'to', 'names nobody');
  return list.map((each, i) => {
    const at = Array.isArray(to) ? `to[${i}]` : 'to';
    if (typeof each !== 'object' || each === null)
      return { address: address(each, at), params: [] };
    refuseUnknown(each, ['address', 'params'], at);
    return {
      address: address(each.address, `${at}.address`),
      params: wireParams(each.params, `${at}.params`, parseStoredRcptParams),
    };
  });
}

function address(text: string | undefined, at: string): string {
  if (typeof text !== 'string')
    throw new InputError(
      text === undefined ? 'MISSING_OPTION' : 'INVALID_ADDRESS',
      at,
      'must be an address',
    );
  // RFC 5321 §4.5.1: the one address that needs no domain.
  if (/^postmaster$/i.test(text)) return text;
  const mailbox = parseMailbox(text);
  if (mailbox !== undefined) return formatMailbox(mailbox);
  const hint = text.includes('<') ? '; a name beside it belongs into the header' : '';
  throw new InputError(
    'INVALID_ADDRESS',
    at,
    `'${quoted(text)}' is not a mail address like ann@example.org${hint}`,
  );
}

/** Each is known, and reads back as it is written: nothing can hide in one. */
function wireParams(
  given: readonly string[] = [],
  at: string,
  parse: (wire: readonly string[]) => readonly unknown[],
): readonly string[] {
  if (!Array.isArray(given)) throw new InputError('INVALID_OPTION', at, 'must be a list');
  for (const [i, param] of given.entries())
    if (typeof param !== 'string' || !/^[!-~]+$/.test(param) || parse([param]).length === 0)
      throw new InputError(
        'INVALID_PARAMETER',
        `${at}[${i}]`,
        `'${quoted(String(param))}' is not a parameter like RET=HDRS (here) or NOTIFY=NEVER (of a recipient)`,
      );
  return given;
}

// RFC 5321 §4.1.1.1: a domain, or an address literal where the machine has no name.
function ourName(given: string | undefined): string {
  if (given === undefined) {
    const name = systemHostname();
    return isDomain(name) ? name : '[127.0.0.1]';
  }
  if (typeof given === 'string' && isDomain(given)) return given;
  throw new InputError(
    'INVALID_HOSTNAME',
    'hostname',
    `'${quoted(String(given))}' is not a name like mx.example.org or [192.0.2.1]`,
  );
}

function checkCredentials(auth: NonNullable<SendMailOptions['auth']>): void {
  refuseUnknown(auth, ['user', 'password', 'token'], 'auth');
  const problem = credentialProblem(auth);
  if (problem !== undefined)
    throw new InputError('INVALID_CREDENTIALS', `auth.${problem.of}`, problem.message);
}

const isName = (text: unknown): text is string =>
  typeof text === 'string' && text.length <= 255 && /^[^\s\u0000-\u001f\u007f]+$/.test(text);
