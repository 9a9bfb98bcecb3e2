// Search and Find: in the mailbox, by the index that IMAP and the console search too; among the addresses of this server.
// [MS-ASCMD] 2.2.1.16 and 2.2.1.2.

import { mailProperties } from '../../../activesync/mail-item.ts';
import type { ItemShape } from '../../../activesync/sync-options.ts';
import { readItemShape } from '../../../activesync/sync-options.ts';
import type { Element } from '../../../activesync/wbxml/element.ts';
import {
  child,
  childrenOf,
  childText,
  element,
  lengthOf,
  textOf,
} from '../../../activesync/wbxml/element.ts';
import type { FoundMail, MailTerm } from '../../../store/mail-question.ts';
import type { Answer, Context } from '../context.ts';
import { answerWith } from '../context.ts';
import { findFolder, messageId } from '../folder-names.ts';
import { answerBytesMax, itemsOf } from '../items.ts';
import { factsOf } from '../message-facts.ts';
import type { Person } from '../people.ts';
import { peopleHere } from '../people.ts';

/** [MS-ASCMD] 2.2.3.177.13 */
const status = { ok: '1', malformed: '2', notDone: '8' } as const;
/** Limit: matches that are ever shown; [MS-ASCMD] 2.2.3.144 has 100 a page. */
const matchesMax = 1_000;
const pageMax = 100;
const queryMax = 256;
/** Limit: what is looked for in one search; each is a look through the mailbox. */
const termsMax = 20;

interface Range {
  readonly from: number;
  readonly to: number;
}

function rangeIn(text: string | undefined): Range {
  const [, from = '0', to = '99'] = /^(\d{1,6})-(\d{1,6})$/.exec(text?.trim() ?? '') ?? [];
  const first = Math.min(Number(from), matchesMax);
  return { from: first, to: Math.min(Number(to), first + pageMax - 1, matchesMax) };
}

export async function search(context: Context): Promise<Answer> {
  const store = child(context.call.document, 'Search:Store');
  const name = childText(store, 'Search:Name')?.trim().toLowerCase();
  const options = child(store, 'Search:Options');
  const query = child(store, 'Search:Query');
  const range = rangeIn(childText(options, 'Search:Range'));
  if (query === undefined) return searchAnswer(status.malformed);
  if (name === 'gal') {
    const people = (await peopleHere(context))(textOf(query).slice(0, queryMax));
    const shown = people
      .slice(range.from, range.to + 1)
      .map((each) => [element('Search:Properties', personElements(each))]);
    return searchAnswer(status.ok, { shown, range, total: people.length });
  }
  if (name !== 'mailbox') return searchAnswer(status.notDone);
  const asked = await termsOf(context, query);
  const page = await matches(context, asked, range);
  const shape = readItemShape(options);
  const shown: Element[][] = [];
  let spent = 0;
  for (const mail of page.mails) {
    // The range says how far it got.
    if (spent >= answerBytesMax) break;
    const properties = element('Search:Properties', await propertiesOf(context, mail, shape));
    spent += lengthOf(properties);
    shown.push([
      element('AirSync:Class', 'Email'),
      element('Search:LongId', messageId(mail.folder, mail.uid)),
      element('AirSync:CollectionId', mail.folder),
      properties,
    ]);
  }
  return searchAnswer(status.ok, { shown, range, total: page.found.messages });
}

interface Shown {
  readonly shown: readonly (readonly Element[])[];
  readonly range: Range;
  readonly total: number;
}

function searchAnswer(said: string, found?: Shown): Answer {
  const results = found === undefined ? [] : searchResults(found);
  return answerWith(
    element('Search:Search', [
      element('Search:Status', '1'),
      element('Search:Response', [
        element('Search:Store', [element('Search:Status', said), ...results]),
      ]),
    ]),
  );
}

const searchResults = ({ shown, range: { from }, total }: Shown): readonly Element[] => [
  ...(shown.length === 0
    ? [element('Search:Result')]
    : shown.map((each) => element('Search:Result', each))),
  ...(shown.length === 0 ? [] : [element('Search:Range', `${from}-${from + shown.length - 1}`)]),
  element('Search:Total', total),
];

interface Asked {
  readonly folder: string | undefined;
  readonly terms: readonly MailTerm[];
}

/** Words, a folder, and from when to when: what devices ask for. What is not understood restricts nothing. */
async function termsOf({ store, call }: Context, query: Element): Promise<Asked> {
  const terms: MailTerm[] = [];
  let folder: string | undefined;
  const within = child(query, 'Search:And') ?? query;
  for (const each of childrenOf(within).slice(0, termsMax)) {
    if (each.tag === 'Search:FreeText' && textOf(each).trim() !== '')
      terms.push({ kind: 'text', text: textOf(each).trim().slice(0, queryMax), not: false });
    if (each.tag === 'AirSync:CollectionId')
      folder = (await findFolder(store, call.account, textOf(each)))?.path;
    const ms = Date.parse(childText(each, 'Search:Value') ?? '');
    if (Number.isNaN(ms)) continue;
    if (each.tag === 'Search:GreaterThan')
      terms.push({ kind: 'received', is: 'since', ms, not: false });
    if (each.tag === 'Search:LessThan')
      terms.push({ kind: 'received', is: 'until', ms, not: false });
  }
  return { folder, terms };
}

const matches = ({ store, call }: Context, { folder, terms }: Asked, { from, to }: Range) =>
  store.mails({ account: call.account, folder, terms, start: from, limit: to - from + 1 });

async function propertiesOf(context: Context, mail: FoundMail, shape: ItemShape) {
  const facts = await factsOf(context, mail.folder, mail.uid);
  if (facts === undefined) return [];
  const { store, call } = context;
  const { room, line } = call;
  const parts = { store, room, folder: mail.folder, shape, version: line.version };
  const [item] = await itemsOf(parts, [facts]);
  return item ?? [];
}

function personElements({ name, address }: Person): readonly Element[] {
  return [
    element('GAL:DisplayName', name),
    element('GAL:Alias', address.slice(0, address.lastIndexOf('@'))),
    element('GAL:EmailAddress', address),
  ];
}

/** [MS-ASCMD] 2.2.1.2, version 16.1. */
export async function find(context: Context): Promise<Answer> {
  const execute = child(context.call.document, 'Find:ExecuteSearch');
  const mailbox = child(execute, 'Find:MailBoxSearchCriterion');
  const gal = child(execute, 'Find:GalSearchCriterion');
  const criterion = mailbox ?? gal;
  const options = child(criterion, 'Find:Options');
  const range = rangeIn(childText(options, 'Find:Range'));
  const query = child(criterion, 'Find:Query');
  if (criterion === undefined || query === undefined)
    return findAnswer(status.malformed, undefined);
  if (mailbox === undefined) {
    const words = childText(query, 'Find:FreeText') ?? textOf(query);
    const people = (await peopleHere(context))(words.slice(0, queryMax));
    const shown = people
      .slice(range.from, range.to + 1)
      .map((each) => [element('Find:Properties', personElements(each))]);
    return findAnswer(status.ok, { shown, range, total: people.length });
  }
  const words = childText(query, 'Find:FreeText')?.trim().slice(0, queryMax) ?? '';
  const id = childText(query, 'AirSync:CollectionId');
  const deep = child(options, 'Find:DeepTraversal') !== undefined;
  const { store, call } = context;
  const folder = id === undefined || deep ? undefined : await findFolder(store, call.account, id);
  const terms: MailTerm[] = words === '' ? [] : [{ kind: 'text', text: words, not: false }];
  const page = await matches(context, { folder: folder?.path, terms }, range);
  const shown = page.mails.map((mail) => [
    element('AirSync:Class', 'Email'),
    element('AirSync:ServerId', messageId(mail.folder, mail.uid)),
    element('AirSync:CollectionId', mail.folder),
    element('Find:Properties', shortProperties(context, mail)),
  ]);
  return findAnswer(status.ok, { shown, range, total: page.found.messages });
}

function findAnswer(said: string, found: Shown | undefined): Answer {
  const results =
    found === undefined
      ? []
      : [
          ...found.shown.map((each) => element('Find:Result', each)),
          element(
            'Find:Range',
            `${found.range.from}-${Math.max(found.range.from, found.range.from + found.shown.length - 1)}`,
          ),
          element('Find:Total', found.total),
        ];
  return answerWith(
    element('Find:Find', [
      element('Find:Status', said === status.ok ? '1' : said),
      element('Find:Response', [element('Find:Status', said), ...results]),
    ]),
  );
}

/** What a list of matches shows, which needs nothing but the digest. */
function shortProperties({ call }: Context, mail: FoundMail): readonly Element[] {
  const wanted = new Set([
    'Email:Subject',
    'Email:DateReceived',
    'Email:DisplayTo',
    'Email:Importance',
    'Email:Read',
    'Email:From',
  ]);
  const has = (flag: string) => mail.flags.some((each) => each.toLowerCase() === flag);
  const all = mailProperties(
    {
      serverId: messageId(mail.folder, mail.uid),
      digest: mail.digest,
      message: new Uint8Array(0),
      state: {
        ...{ seen: has('\\seen'), answered: has('\\answered'), flagged: has('\\flagged') },
        ...{ draft: has('\\draft'), received: mail.received, keywords: [] },
      },
    },
    { bodies: [], parts: [], mimeSupport: 0 },
    call.line.version,
  );
  return [
    ...all.filter(({ tag }) => wanted.has(tag)),
    element('Find:Preview', mail.digest.preview.slice(0, 255)),
    element(
      'Find:HasAttachments',
      all.some(({ tag }) => tag === 'AirSyncBase:Attachments') ? '1' : '0',
    ),
  ];
}
