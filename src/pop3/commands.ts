// What each command does where the table of phases allows it: a question for the owner, or a response of
// our own. RFC 1939 §5 and §7, RFC 2449 §5, RFC 6856.

import { unreachable } from '../base/assert.ts';
import { capabilityLines } from './capabilities.ts';
import type { Command, Retrieval } from './command.ts';
import type { Listing, SessionCore } from './core.ts';
import type { SessionEvent } from './event.ts';
import { outputBytes } from './limits.ts';
import { auth, pass, startTls, user } from './login-phase.ts';
import type { Maildrop } from './maildrop.ts';
import { after } from './phases.ts';
import type { Response } from './response.ts';
import { err, ok, responses } from './response.ts';

/** A command that could be read. */
export type Understood = Exclude<Command, { readonly verb: 'malformed' }>;

/** Undefined when it was answered and there is nothing for the owner to do. */
export function perform(core: SessionCore, command: Understood): SessionEvent | undefined {
  switch (command.verb) {
    case 'USER':
      return user(core, command.name);
    case 'PASS':
      return pass(core, command.password);
    case 'AUTH':
      return auth(core, command);
    case 'STLS':
      return startTls(core);
    case 'UTF8':
      core.utf8 = true;
      return core.say(responses.utf8);
    case 'CAPA': {
      const loggedIn = core.maildrop !== undefined;
      return core.lines(responses.capabilities, capabilityLines(core.facts, loggedIn));
    }
    case 'LANG':
      return language(core, command.range);
    case 'STAT': {
      const { count, octets } = core.openMaildrop();
      // RFC 1939 §5: no additional information, strongly discouraged.
      return core.say(ok(`${count} ${octets}`));
    }
    case 'LIST':
    case 'UIDL':
      return list(core, command, core.openMaildrop());
    case 'RETR':
    case 'TOP':
      return retrieve(core, command, core.openMaildrop());
    case 'DELE':
      return remove(core, command.message, core.openMaildrop());
    case 'NOOP':
      return core.say(responses.nothing);
    case 'RSET':
      core.openMaildrop().restore();
      return core.say(ok(`maildrop has ${contents(core.openMaildrop())}`));
    case 'QUIT':
      return quit(core);
    default:
      return unreachable(command);
  }
}

function quit(core: SessionCore): SessionEvent | undefined {
  if (core.maildrop === undefined) return core.end(core.goodbye('server signing off'), 'quit');
  core.phase = core.leadsTo;
  return { kind: 'update', deleted: core.maildrop.deleted() };
}

/** What was deleted is gone. */
export function updated(core: SessionCore): void {
  const { count } = core.openMaildrop();
  const left = count === 0 ? 'maildrop empty' : `${messagesText(count)} left`;
  core.end(core.goodbye(`server signing off (${left})`), 'quit');
}

// RFC 6856 §3.2: we speak English only; RFC 4647 §3.4: a range is shortened until it fits.
function language(core: SessionCore, range: string | undefined): undefined {
  if (range === undefined) return core.lines(responses.languages, ['en English']);
  const fits = range === '*' || /^en(?:-|$)/i.test(range);
  return core.say(fits ? responses.language : responses.noLanguage);
}

function list(
  core: SessionCore,
  { verb, message }: Extract<Command, { readonly verb: 'LIST' | 'UIDL' }>,
  maildrop: Maildrop,
): undefined {
  if (message !== undefined) {
    if (!maildrop.has(message)) return core.say(missing(message, maildrop));
    return core.say(ok(listingLine(verb, message, maildrop)));
  }
  core.say(verb === 'LIST' ? ok(contents(maildrop)) : responses.uniqueIds);
  core.listing = { verb, next: 1 };
  core.phase = core.leadsTo;
}

/** As much as is sent at once; next() asks for a flush between. */
export function continueListing(core: SessionCore, { verb, next: first }: Listing): undefined {
  const { output } = core;
  const maildrop = core.openMaildrop();
  let next = first;
  for (; next <= maildrop.highest && output.size < outputBytes; next += 1)
    if (maildrop.has(next)) output.text(`${listingLine(verb, next, maildrop)}\r\n`);
  core.listing = { verb, next };
  if (next <= maildrop.highest) return;
  output.text('.\r\n');
  core.listing = undefined;
  core.phase = after.listing.sent;
}

function retrieve(
  core: SessionCore,
  command: Retrieval,
  maildrop: Maildrop,
): SessionEvent | undefined {
  const { verb, message } = command;
  if (!maildrop.has(message)) return core.say(missing(message, maildrop));
  core.retrieval = command;
  core.phase = core.leadsTo;
  const more = !core.input.empty;
  return { kind: 'message', index: message - 1, whole: verb === 'RETR', more };
}

function remove(core: SessionCore, number: number, maildrop: Maildrop): undefined {
  if (!maildrop.has(number)) return core.say(missing(number, maildrop));
  maildrop.delete(number);
  return core.say(ok(`message ${number} deleted`));
}

// Words.

const messagesText = (count: number): string => `${count} message${count === 1 ? '' : 's'}`;

export const contents = ({ count, octets }: Maildrop): string =>
  `${messagesText(count)} (${octets} octets)`;

const listingLine = (verb: 'LIST' | 'UIDL', number: number, maildrop: Maildrop): string =>
  `${number} ${verb === 'LIST' ? maildrop.sizeOf(number) : maildrop.idOf(number)}`;

function missing(number: number, maildrop: Maildrop): Response {
  if (maildrop.isDeleted(number)) return err(`message ${number} already deleted`);
  return err(`no such message, only ${messagesText(maildrop.highest)} in maildrop`);
}
