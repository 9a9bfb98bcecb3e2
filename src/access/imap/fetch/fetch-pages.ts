// The messages of a FETCH page by page: bounded by octets and by number; while a page is written, the
// next one is read.

import type { Content } from '../../../store/content.ts';
import type { CommandContext } from '../context.ts';
import type { SelectedMailbox } from '../selected-mailbox.ts';
import type { ListedFolder } from './digest-texts.ts';
import type { FetchPlan } from './fetch-plan.ts';
import { isCut, MessageSource } from './message-source.ts';

/** Limit: octets of messages in one page, two of which there are at a time. */
const pageBytesMax = 512 * 2 ** 10;
/** Limit: messages in one page. */
const pageMessagesMax = 500;
/** Limit: the same of the first page where only what is known of them is asked for: the reader is ahead by one, and soon. */
const firstDigestsMax = 64;
/** What is read at once; larger content comes piece by piece. */
const inMemoryMax = 128 * 2 ** 10;
/** What a header is reckoned to take. */
const headerBytes = 4 * 2 ** 10;

export interface PagedMessage {
  readonly number: number;
  readonly uid: number;
  /** Undefined: gone. */
  readonly source: MessageSource | undefined;
}

/** What is said of a listed message needs no digest. */
export interface Wanted {
  readonly plan: FetchPlan;
  readonly listed: ListedFolder;
}

export type Page = readonly PagedMessage[];

export async function* pagesOf(
  wanted: Wanted,
  numbers: Uint32Array,
  selected: SelectedMailbox,
  context: CommandContext,
): AsyncGenerator<Page> {
  let at = 0;
  let digestsMax = firstDigestsMax;
  const loadNext = (): Promise<Page> | undefined => {
    if (at >= numbers.length) return undefined;
    const { plan } = wanted;
    const end = needsMessages(plan)
      ? pageEnd(plan, numbers, at, selected)
      : Math.min(at + digestsMax, numbers.length);
    digestsMax = Math.min(2 * digestsMax, pageMessagesMax);
    const page = load(wanted, numbers.subarray(at, end), selected, context);
    // It is awaited later, perhaps never.
    page.catch(() => {});
    at = end;
    return page;
  };
  for (let page = loadNext(); page !== undefined; ) {
    const loaded = await page;
    page = loadNext();
    yield loaded;
  }
}

const needsMessages = ({ content, header }: FetchPlan): boolean => content || header;

function pageEnd(
  plan: FetchPlan,
  numbers: Uint32Array,
  from: number,
  { rows, uids }: SelectedMailbox,
): number {
  const last = Math.min(from + pageMessagesMax, numbers.length);
  let bytes = 0;
  for (let at = from; at < last; at += 1) {
    const number = numbers[at]!;
    const row = rows.rowOf(uids[number - 1]!, number - 1);
    const size = row < 0 ? 0 : rows.size[row]!;
    bytes += plan.content ? (size > inMemoryMax ? headerBytes : size) : Math.min(size, headerBytes);
    if (bytes > pageBytesMax && at > from) return at;
  }
  return last;
}

async function load(
  { plan, listed }: Wanted,
  numbers: Uint32Array,
  selected: SelectedMailbox,
  { store }: CommandContext,
): Promise<Page> {
  const { open, rows, uids } = selected;
  const wanted = Array.from(numbers, (number) => uids[number - 1]!);
  const sizes = wanted.map((uid, i) => {
    const row = rows.rowOf(uid, numbers[i]! - 1);
    return row < 0 ? 0 : rows.size[row]!;
  });
  const unlisted =
    plan.digest.length === 0 ? [] : wanted.filter((uid) => !listed.has(uid, plan.digest));
  const [digests, headers, contents] = await Promise.all([
    unlisted.length === 0 ? [] : store.digests(open.id, unlisted),
    plan.header ? store.headers(open.id, wanted) : undefined,
    plan.content ? store.open(open.id, wanted) : undefined,
  ]);
  const digestOf = new Map(unlisted.map((uid, i) => [uid, digests[i]]));
  const large = contents && (await largeHeaders(contents, wanted, open.id, store));
  const cut = headers && (await withCutHeaders(headers, wanted, open.id, store));
  return wanted.map((uid, i): PagedMessage => {
    const content = contents?.[i] ?? cut?.get(uid);
    const digest = digestOf.get(uid);
    const header = headers?.[i] ?? large?.get(uid);
    const gone =
      (plan.content && content === undefined) ||
      (digest === undefined && digestOf.has(uid)) ||
      (plan.header && header === undefined);
    const size = content?.size ?? sizes[i]!;
    // Clients fetch large parts piece by piece: the structure is found once.
    const isLarge = content !== undefined && content.bytes === undefined;
    const structure = isLarge ? selected.structureOf(uid) : undefined;
    const parts = { size, digest, header, content, structure };
    const source = gone ? undefined : new MessageSource(parts);
    return { number: numbers[i]!, uid, source };
  });
}

/** The messages whose headers are too large to be held: they have to be read, too. */
async function withCutHeaders(
  headers: readonly (Uint8Array | undefined)[],
  uids: readonly number[],
  folder: number,
  store: CommandContext['store'],
): Promise<ReadonlyMap<number, Content | undefined> | undefined> {
  const cut = uids.filter((_, i) => headers[i] !== undefined && isCut(headers[i]));
  if (cut.length === 0) return undefined;
  const contents = await store.open(folder, cut);
  return new Map(cut.map((uid, i) => [uid, contents[i]]));
}

/** Where the header of a large message ends has to be known without reading all of it. */
async function largeHeaders(
  contents: readonly ({ readonly bytes: Uint8Array | undefined } | undefined)[],
  uids: readonly number[],
  folder: number,
  store: CommandContext['store'],
): Promise<ReadonlyMap<number, Uint8Array> | undefined> {
  const large = uids.filter((_, i) => contents[i] !== undefined && contents[i].bytes === undefined);
  if (large.length === 0) return undefined;
  const headers = await store.headers(folder, large);
  return new Map(large.map((uid, i) => [uid, headers[i] ?? new Uint8Array(0)]));
}
