// Command lines. parseCommand is total: a line we cannot read is a command with only one answer.
// RFC 5321 §4.1.1, and the verbs of RFC 1985, 2033, 3030, 3207 and 4954. Trailing white space is
// tolerated (RFC 5321 §4.1.1), and so is what clients get wrong in ways that can mean one thing only.

import type { Mailbox, ReversePath } from '../mail/fields/address.ts';
import type { RawParam } from './extensions/extension.ts';
import type { ToldClient } from './extensions/xclient.ts';
import { parseToldClient } from './extensions/xclient.ts';
import type { Reply } from './reply.ts';
import { replies, reply } from './reply.ts';
import { Scanner } from './scanner.ts';
import { replyFor } from './smtp-error.ts';

export type Command =
  | { readonly verb: 'EHLO' | 'HELO' | 'LHLO'; readonly client: string }
  | { readonly verb: 'MAIL'; readonly from: ReversePath; readonly params: readonly RawParam[] }
  | { readonly verb: 'RCPT'; readonly to: Mailbox; readonly params: readonly RawParam[] }
  | { readonly verb: 'BDAT'; readonly bytes: number; readonly last: boolean }
  | { readonly verb: 'BURL'; readonly url: string; readonly last: boolean }
  | { readonly verb: 'DATA' | 'RSET' | 'NOOP' | 'QUIT' | 'STARTTLS' }
  | { readonly verb: 'HELP'; readonly topic: string }
  | { readonly verb: 'VRFY' | 'EXPN'; readonly argument: string; readonly utf8: boolean }
  | { readonly verb: 'ETRN'; readonly argument: string }
  /** [] names no domain: all of them. */
  | { readonly verb: 'ATRN'; readonly domains: readonly string[] }
  /** `initial` is still base64, undefined without an initial response. */
  | { readonly verb: 'AUTH'; readonly mechanism: string; readonly initial: string | undefined }
  | { readonly verb: 'XCLIENT'; readonly told: ToldClient }
  | { readonly verb: 'malformed'; readonly answer: Reply };

interface Rule {
  /** As HELP and our 501 show it. */
  readonly syntax: string;
  readonly parse: (scanner: Scanner) => Command;
}

// A Map, not an object: the key comes from the peer.
const rules = new Map<string, Rule>([
  ['EHLO', { syntax: 'EHLO hostname', parse: hello('EHLO') }],
  ['HELO', { syntax: 'HELO hostname', parse: hello('HELO') }],
  ['LHLO', { syntax: 'LHLO hostname', parse: hello('LHLO') }],
  ['MAIL', { syntax: 'MAIL FROM:<address> [parameters]', parse: mail }],
  ['RCPT', { syntax: 'RCPT TO:<address> [parameters]', parse: rcpt }],
  ['DATA', { syntax: 'DATA', parse: bare('DATA') }],
  ['BDAT', { syntax: 'BDAT octets [LAST]', parse: bdat }],
  ['BURL', { syntax: 'BURL url [LAST]', parse: burl }],
  ['RSET', { syntax: 'RSET', parse: bare('RSET') }],
  ['NOOP', { syntax: 'NOOP [text]', parse: noop }],
  ['VRFY', { syntax: 'VRFY address [SMTPUTF8]', parse: lookup('VRFY') }],
  ['EXPN', { syntax: 'EXPN list [SMTPUTF8]', parse: lookup('EXPN') }],
  ['ETRN', { syntax: 'ETRN domain', parse: etrn }],
  ['ATRN', { syntax: 'ATRN [domain,domain…]', parse: atrn }],
  ['STARTTLS', { syntax: 'STARTTLS', parse: bare('STARTTLS') }],
  ['AUTH', { syntax: 'AUTH mechanism [initial-response]', parse: auth }],
  ['HELP', { syntax: 'HELP [command]', parse: help }],
  ['QUIT', { syntax: 'QUIT', parse: bare('QUIT') }],
  ['XCLIENT', { syntax: 'XCLIENT attribute=value [attribute=value]', parse: xclient }],
]);

const syntaxReplies = new Map<string, Reply>(
  [...rules].map(([verb, { syntax }]) => [verb, reply(501, '5.4', `Syntax: ${syntax}`)]),
);

/** The answer when the parameters of a command cannot be read: it shows how they should look. */
export const syntaxReply = (verb: string): Reply => syntaxReplies.get(verb) ?? replies.badParam;

// RFC 3463 §3.2: X.1.7 and X.1.3, bad syntax of the sender's and of the recipient's address.
const badSender = reply(501, '1.7', 'Bad sender address. Syntax: MAIL FROM:<address> [parameters]');
const badRecipient = reply(
  501,
  '1.3',
  'Bad recipient address. Syntax: RCPT TO:<address> [parameters]',
);

// RFC 5321 §4.2.4: 502 for a real command that we do not have.
const notImplemented = new Set(['TURN', 'SEND', 'SOML', 'SAML']);
// Field: web browsers that a page made talk to a mail port. None of what follows may be believed.
const webVerbs = new Set(['GET', 'POST', 'PUT', 'HEAD', 'CONNECT', 'OPTIONS']);

/**
 * `line` has no line end, and no control characters but tabs. `localDomain` completes addresses
 * without a domain, which are no addresses without it (RFC 5321 §2.3.5).
 */
export function parseCommand(line: string, localDomain?: string): Command {
  const text = line.trimEnd();
  const space = text.indexOf(' ');
  const word = space === -1 ? text : text.slice(0, space);
  const verb = word.toUpperCase();
  const rule = rules.get(verb);
  if (rule === undefined) return { verb: 'malformed', answer: answerToUnknown(verb) };
  try {
    const scanner = new Scanner(text, word.length, syntaxReply(verb), localDomain);
    const command = rule.parse(scanner);
    scanner.end();
    return command;
  } catch (error) {
    return { verb: 'malformed', answer: replyFor(error) };
  }
}

/** RFC 5321 §4.1.1.8: one command's syntax, or all of them. */
export function helpReply(topic: string): Reply {
  const rule = rules.get(topic.toUpperCase());
  return rule === undefined ? allHelp : reply(214, '0.0', `Syntax: ${rule.syntax}`);
}
const allHelp = reply(
  214,
  '0.0',
  `Commands: ${[...rules.keys()].slice(0, 8).join(' ')}`,
  `          ${[...rules.keys()].slice(8).join(' ')}`,
  'HELP command shows its syntax',
);

function answerToUnknown(verb: string): Reply {
  if (notImplemented.has(verb)) return replies.notImplemented;
  return webVerbs.has(verb) ? replies.notHttp : replies.unknownCommand;
}

// RFC 5321 §4.1.1.1: ehlo = "EHLO" SP ( Domain / address-literal )
// Field: clients name themselves with anything: underscores, spaces, a bare address, non-names.
// RFC 5321 §4.1.4 forbids to refuse mail for it, so any printable text is taken.
function hello(verb: 'EHLO' | 'HELO' | 'LHLO') {
  return (scanner: Scanner): Command => {
    const client = scanner.rest();
    if (client === '') scanner.fail();
    return { verb, client };
  };
}

// RFC 5321 §4.1.1.2: MAIL FROM:<reverse-path> [SP <mail-parameters>]
// Field: a space after the colon is common, two spaces before FROM are rare.
const from = / +FROM: */iy;

function mail(scanner: Scanner): Command {
  scanner.expect(from);
  return { verb: 'MAIL', from: scanner.reversePath(badSender), params: scanner.params() };
}

// RFC 5321 §4.1.1.3: RCPT TO:<forward-path> [SP <rcpt-parameters>]
const to = / +TO: */iy;
// RFC 5321 §4.5.1: "<Postmaster>" in any case, without a domain.
const postmaster = /<postmaster>/iy;

function rcpt(scanner: Scanner): Command {
  scanner.expect(to);
  const mailbox = scanner.skip(postmaster)
    ? { local: 'postmaster', domain: '' }
    : scanner.path(badRecipient);
  return { verb: 'RCPT', to: mailbox, params: scanner.params() };
}

// RFC 5321 §4.1.1.4, §4.1.1.5 and §4.1.1.10, RFC 3207 §4: commands without parameters.
function bare(verb: 'DATA' | 'RSET' | 'QUIT' | 'STARTTLS') {
  const command: Command = { verb };
  return () => command;
}

// RFC 5321 §4.1.1.9: NOOP [SP String], which is ignored.
function noop(scanner: Scanner): Command {
  scanner.rest();
  return { verb: 'NOOP' };
}

// RFC 3030 §2: bdat-cmd ::= "BDAT" SP chunk-size [ SP end-marker ]; chunk-size ::= 1*DIGIT
const chunk = / +(\d{1,20})(?: +(LAST))?/iy;

function bdat(scanner: Scanner): Command {
  const [, octets, last] = scanner.match(chunk);
  return { verb: 'BDAT', bytes: Number(octets), last: last !== undefined };
}

// RFC 4468 §3.5: burl-cmd = "BURL" SP absolute-URI [SP end-marker]; RFC 3986 §4.3 has no fragment.
const uri = / +([a-z][a-z0-9+.-]*:[!$-;=?-Z_a-z~%[\]@]+)(?: +(LAST))?/iy;

function burl(scanner: Scanner): Command {
  const [, url = '', last] = scanner.match(uri);
  return { verb: 'BURL', url, last: last !== undefined };
}

// RFC 5321 §4.1.1.6 and §4.1.1.7; RFC 6531 §3.7.4.2: [ SP "SMTPUTF8" ]
function lookup(verb: 'VRFY' | 'EXPN') {
  return (scanner: Scanner): Command => {
    const rest = scanner.rest();
    const argument = rest.replace(/ +SMTPUTF8$/i, '');
    if (argument === '') scanner.fail();
    return { verb, argument, utf8: argument !== rest };
  };
}

// RFC 1985 §5: ETRN [<option character>]<node name>
const node = / +([@#]?[^\s]+)/y;

function etrn(scanner: Scanner): Command {
  const [, argument = ''] = scanner.match(node);
  return { verb: 'ETRN', argument };
}

// RFC 2645 §5.2.1: atrn = "ATRN" [SP domain *("," domain)]
const domains = / +([a-z0-9.-]+(?:,[a-z0-9.-]+)*)/iy;

function atrn(scanner: Scanner): Command {
  const [, named] = scanner.atEnd ? [] : scanner.match(domains);
  return { verb: 'ATRN', domains: named === undefined ? [] : named.split(',') };
}

// RFC 4954 §4: AUTH mechanism [initial-response]; RFC 4422 §3.1: 1 to 20 characters
const mechanism = / +([a-z0-9_-]{1,20})(?: +([^\s]+))?/iy;

function auth(scanner: Scanner): Command {
  const [, name = '', initial] = scanner.match(mechanism);
  return { verb: 'AUTH', mechanism: name.toUpperCase(), initial };
}

function xclient(scanner: Scanner): Command {
  return { verb: 'XCLIENT', told: parseToldClient(scanner.rest()) ?? scanner.fail() };
}

function help(scanner: Scanner): Command {
  return { verb: 'HELP', topic: scanner.rest() };
}
