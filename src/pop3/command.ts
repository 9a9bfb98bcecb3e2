// Command lines. parseCommand is total: a line we cannot read is a command with only one response.
// RFC 1939 §3: a keyword, and arguments, each separated by a single space. RFC 2449 §3 has the grammar.

import type { Response } from './response.ts';
import { responses } from './response.ts';

export type Command =
  | { readonly verb: 'USER'; readonly name: string }
  | { readonly verb: 'PASS'; readonly password: string }
  /** Without a mechanism: the old question for the list of them. */
  | {
      readonly verb: 'AUTH';
      readonly mechanism: string | undefined;
      readonly initial: string | undefined;
    }
  | { readonly verb: 'LANG'; readonly range: string | undefined }
  | { readonly verb: 'LIST' | 'UIDL'; readonly message: number | undefined }
  | { readonly verb: 'RETR'; readonly message: number }
  | { readonly verb: 'DELE'; readonly message: number }
  | { readonly verb: 'TOP'; readonly message: number; readonly lines: number }
  | Bare
  | Malformed;

interface Bare {
  readonly verb: 'CAPA' | 'STLS' | 'UTF8' | 'STAT' | 'NOOP' | 'RSET' | 'QUIT';
}
interface Malformed {
  readonly verb: 'malformed';
  readonly answer: Response;
}

/** A command that is answered with a message. */
export type Retrieval = Extract<Command, { readonly verb: 'RETR' | 'TOP' }>;

type Parser = (rest: string) => Command;

// A Map, not an object: the key comes from the peer.
const parsers = new Map<string, Parser>([
  ['USER', (rest) => (rest === '' ? badArguments : { verb: 'USER', name: rest })],
  // RFC 1939 §7: spaces may be part of the password.
  ['PASS', (rest) => (rest === '' ? badArguments : { verb: 'PASS', password: rest })],
  ['AUTH', auth],
  ['LANG', lang],
  ['LIST', (rest) => listing('LIST', rest)],
  ['UIDL', (rest) => listing('UIDL', rest)],
  ['RETR', (rest) => single('RETR', rest)],
  ['DELE', (rest) => single('DELE', rest)],
  ['TOP', top],
  ...(['CAPA', 'STLS', 'UTF8', 'STAT', 'NOOP', 'RSET', 'QUIT'] as const).map(
    (verb): [string, Parser] => {
      const command: Bare = { verb };
      return [verb, (rest) => (rest.trim() === '' ? command : badArguments)];
    },
  ),
]);

/** `line` is without its CRLF. */
export function parseCommand(line: string): Command {
  const space = line.indexOf(' ');
  const keyword = space === -1 ? line : line.slice(0, space);
  const parse = parsers.get(keyword) ?? parsers.get(keyword.toUpperCase());
  return parse === undefined ? unknown : parse(space === -1 ? '' : line.slice(space + 1));
}

const malformed = (answer: Response): Malformed => ({ verb: 'malformed', answer });
const unknown = malformed(responses.unknownCommand);
const badArguments = malformed(responses.badArguments);
const noMessageNumber = malformed(responses.noMessageNumber);

// RFC 5034 §5: auth-command = "AUTH" SP sasl-mech [SP initial-response]
const authArguments = /^([a-z0-9_-]{1,20})(?: ([a-z0-9+/=]+))? *$/i;

function auth(rest: string): Command {
  // Field: Outlook and others ask with a bare AUTH which mechanisms there are.
  if (rest === '') return { verb: 'AUTH', mechanism: undefined, initial: undefined };
  const match = authArguments.exec(rest);
  if (match === null) return badArguments;
  return { verb: 'AUTH', mechanism: match[1]!.toUpperCase(), initial: match[2] };
}

// RFC 4647 §2.1: language-range = (1*8ALPHA *("-" 1*8alphanum)) / "*"
const languageRange = /^(?:\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*) *$/i;

function lang(rest: string): Command {
  if (rest.trim() === '') return { verb: 'LANG', range: undefined };
  return languageRange.test(rest) ? { verb: 'LANG', range: rest.trimEnd() } : badArguments;
}

// Limit: digits of a number; no mailbox has more messages, no message more lines.
const messageNumber = /^(\d{1,10}) *$/;
const messageAndLines = /^(\d{1,10}) +(\d{1,10}) *$/;

function listing(verb: 'LIST' | 'UIDL', rest: string): Command {
  if (rest.trim() === '') return { verb, message: undefined };
  const match = messageNumber.exec(rest);
  return match === null ? badArguments : { verb, message: Number(match[1]) };
}

function single(verb: 'RETR' | 'DELE', rest: string): Command {
  const match = messageNumber.exec(rest);
  return match === null ? noMessageNumber : { verb, message: Number(match[1]) };
}

// RFC 1939 §7: TOP msg n, both required.
function top(rest: string): Command {
  const match = messageAndLines.exec(rest);
  if (match === null) return badArguments;
  return { verb: 'TOP', message: Number(match[1]), lines: Number(match[2]) };
}
