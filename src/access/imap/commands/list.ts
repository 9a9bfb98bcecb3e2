// LIST and LSUB: which names there are. RFC 9051 §6.3.9 with the selection and return options of
// RFC 5258, RFC 5819 (STATUS), RFC 6154 (SPECIAL-USE), RFC 8440 (MYRIGHTS) and RFC 9590 (METADATA);
// RFC 3501 §6.3.9 for LSUB. A name that is no folder is shown where a folder lies under it that the
// pattern does not reach.

import type { ListOptions } from '../../../imap/command.ts';
import { canonicalName, othersPrefix } from '../../../mailbox/folder-name.ts';
import { formatRights } from '../acl.ts';
import type { CommandContext, ExecutorOf } from '../context.ts';
import type { Matcher } from '../list-pattern.ts';
import { anyOf } from '../list-pattern.ts';
import type { LocatedFolder } from '../located-folder.ts';
import { superiors } from '../names.ts';
import { ok } from '../refusal.ts';
import { mailboxText } from '../words.ts';
import { annotationsText } from './metadata.ts';
import { statusText } from './status.ts';

interface Name {
  readonly name: string;
  /** Undefined: there is no such folder. */
  readonly located: LocatedFolder | undefined;
  readonly subscribed: boolean;
}

interface Row {
  readonly name: Name;
  /** RFC 5258 §3.5: something below it meets the selection criteria. */
  readonly childInfo: boolean;
}

export const list: ExecutorOf<'LIST'> = async ({ options }, context) => {
  // RFC 9051 §6.3.9: the basic form asks for the separator this way.
  if (!options.extended && options.patterns.length === 1 && options.patterns[0] === '') {
    const root = options.reference.startsWith(othersPrefix) ? othersPrefix : '';
    context.untagged(`LIST (\\Noselect) "/" ${mailboxText(context, root)}`);
    return ok('LIST completed');
  }
  const names = await collect(context, options.subscribed || options.returns.subscribed);
  const parents = parentsOf(names.values(), ({ located }) => located !== undefined);
  for (const row of select(names, options)) {
    context.untagged(rowText(context, options, row, parents.has(row.name.name)));
    await more(context, options, row.name.located);
    const room = context.room();
    if (room !== undefined) await room;
  }
  return ok('LIST completed');
};

/** The LIST response of a mailbox that there is, with all that is known of it. RFC 9051 §6.3.2. */
export async function listText(context: CommandContext, located: LocatedFolder): Promise<string> {
  const names = await collect(context, true);
  const subscribed = names.get(located.name)?.subscribed === true;
  const parents = parentsOf(names.values(), (name) => name.located !== undefined);
  const row = { name: { name: located.name, located, subscribed }, childInfo: false };
  return rowText(context, { extended: false }, row, parents.has(located.name));
}

/** Everything that has a name, by name. */
async function collect(
  context: CommandContext,
  withSubscriptions: boolean,
): Promise<ReadonlyMap<string, Name>> {
  const [folders, subscriptions] = await Promise.all([
    context.names.all(),
    withSubscriptions ? context.store.subscriptions(context.account) : [],
  ]);
  const subscribed = new Set(subscriptions.map(canonicalName));
  const names = new Map<string, Name>();
  for (const located of folders)
    names.set(located.name, {
      name: located.name,
      located,
      subscribed: subscribed.has(located.name),
    });
  for (const name of subscribed)
    if (!names.has(name)) names.set(name, { name, located: undefined, subscribed: true });
  return names;
}

/** Names that have others below them which fit. */
function parentsOf(names: Iterable<Name>, fits: (name: Name) => boolean): ReadonlySet<string> {
  const parents = new Set<string>();
  for (const name of names)
    if (fits(name))
      for (const superior of superiors(name.name)) {
        if (parents.has(superior)) break;
        parents.add(superior);
      }
  return parents;
}

function select(names: ReadonlyMap<string, Name>, options: ListOptions): Iterable<Row> {
  const { reference, patterns, recursiveMatch, subscribed, specialUse } = options;
  const matches = anyOf(patterns.map((pattern) => (pattern === '' ? '' : reference + pattern)));
  const meets = (name: Name): boolean => {
    if (subscribed && !name.subscribed) return false;
    if (specialUse && specialUseOf(name.located) === undefined) return false;
    return subscribed || name.located !== undefined;
  };
  const parents = recursiveMatch ? parentsOf(names.values(), meets) : new Set<string>();
  const rows = new Map<string, Row>();
  for (const name of names.values())
    if (meets(name) && matches(name.name))
      rows.set(name.name, { name, childInfo: parents.has(name.name) });
  // RFC 5258 §3.5: with RECURSIVEMATCH every name above those that the pattern does not reach;
  // without it only what must be shown for them to be found at all.
  if (recursiveMatch || !specialUse)
    for (const name of hiddenParents(names, meets, matches))
      if (recursiveMatch || names.get(name)?.located === undefined)
        rows.set(name, {
          name: names.get(name) ?? { name, located: undefined, subscribed: false },
          childInfo: recursiveMatch,
        });
  return [...rows.values()].sort((a, b) => order(a.name.name, b.name.name));
}

/** Names that match, above names that meet the criteria and do not match. */
function hiddenParents(
  names: ReadonlyMap<string, Name>,
  meets: (name: Name) => boolean,
  matches: Matcher,
): ReadonlySet<string> {
  const found = parentsOf(names.values(), (name) => meets(name) && !matches(name.name));
  return new Set([...found].filter((name) => name !== '' && matches(name)));
}

/** INBOX first; no name is there twice. */
const order = (a: string, b: string): number =>
  a === 'INBOX' || (b !== 'INBOX' && a < b) ? -1 : 1;

/** RFC 6154 §2: what a folder is for is its owner's affair. */
const specialUseOf = (located: LocatedFolder | undefined): string | undefined =>
  located === undefined || located.name !== located.folder.path
    ? undefined
    : located.folder.specialUse;

function rowText(
  context: CommandContext,
  options: Pick<ListOptions, 'extended'>,
  { name, childInfo }: Row,
  hasChildren: boolean,
): string {
  const { located } = name;
  const attributes: string[] = [];
  // RFC 5258 §6, mbx-list-sflag: one of them. \NonExistent says it all, but clients of RFC 3501 do
  // not know it.
  if (located === undefined)
    attributes.push(knowsNonExistent(context, options) ? '\\NonExistent' : '\\Noselect');
  else if (!located.rights.includes('r')) attributes.push('\\Noselect');
  if (name.subscribed) attributes.push('\\Subscribed');
  // RFC 3348 §3: in every answer, since it costs nothing.
  attributes.push(hasChildren ? '\\HasChildren' : '\\HasNoChildren');
  const use = specialUseOf(located);
  if (use !== undefined) attributes.push(`\\${use}`);
  const extended = childInfo && options.extended ? ' ("CHILDINFO" ("SUBSCRIBED"))' : '';
  return `LIST (${attributes.join(' ')}) "/" ${mailboxText(context, name.name)}${extended}`;
}

const knowsNonExistent = (
  { isEnabled }: CommandContext,
  { extended }: Pick<ListOptions, 'extended'>,
): boolean => extended || isEnabled('IMAP4REV2');

/** What was asked for besides: each a response of its own, after the folder's. */
async function more(
  context: CommandContext,
  { returns }: ListOptions,
  located: LocatedFolder | undefined,
): Promise<void> {
  if (located === undefined) return;
  const name = mailboxText(context, located.name);
  // RFC 8440 §2
  if (returns.myRights) context.untagged(`MYRIGHTS ${name} ${formatRights(located.rights)}`);
  // RFC 5819 §2: not for what cannot be selected.
  if (returns.status.length > 0 && located.rights.includes('r'))
    context.untagged(await statusText(context, located, returns.status));
  // RFC 9590 §3
  if (returns.metadata.length > 0) {
    const text = await annotationsText(context, located, returns.metadata);
    if (text !== undefined) context.untagged(text);
  }
}

export const lsub: ExecutorOf<'LSUB'> = async ({ reference, pattern }, context) => {
  const names = await collect(context, true);
  const matches = anyOf([pattern === '' ? '' : reference + pattern]);
  const meets = ({ subscribed }: Name) => subscribed;
  const hidden = pattern.includes('%') ? hiddenParents(names, meets, matches) : [];
  const found = new Map<string, boolean>();
  // RFC 3501 §6.3.9: \Noselect for what is not subscribed itself, but something below it is.
  for (const name of hidden) found.set(name, false);
  for (const name of names.values())
    if (name.subscribed && matches(name.name)) found.set(name.name, name.located !== undefined);
  for (const [name, exists] of [...found].sort(([a], [b]) => order(a, b))) {
    context.untagged(`LSUB (${exists ? '' : '\\Noselect'}) "/" ${mailboxText(context, name)}`);
    const room = context.room();
    if (room !== undefined) await room;
  }
  return ok('LSUB completed');
};
