// What crosses between the queue's thread and the relay's. Attempts and results go many to a message,
// in rows of few values, since what a structured clone costs is objects and their names; contents
// that are in memory lie end to end in one buffer that is handed over, not copied again.

import { assert } from '../../../base/assert.ts';
import { stackOf } from '../../../base/error-text.ts';
import type { LogEvent } from '../../../base/log-events.ts';
import type { AttemptFacts, DeliveryResult, RecipientResult } from '../../../queue/delivery.ts';
import type { Reply } from '../../../smtp/reply.ts';
import type { Content } from '../../../store/content.ts';
import { memoryContent } from '../../../store/content.ts';
import { fileContent } from '../../../store/files/file-content.ts';
import type { RelayLease, RelaySettings } from '../relay.ts';
import type { RelayRoute } from '../relay-route.ts';
import type { StsFound } from '../security/sts.ts';

export type ToRelay =
  /** A configuration: attempts name the one they belong to. */
  | { readonly kind: 'open'; readonly generation: number; readonly settings: RelaySettings }
  | {
      readonly kind: 'attempts';
      readonly rows: readonly AttemptRow[];
      readonly pack: ArrayBuffer | undefined;
    }
  /** For all attempts that came with this signal. */
  | { readonly kind: 'abort'; readonly signal: number }
  /** What was asked by `ask`, or what that threw. */
  | { readonly kind: 'policy'; readonly question: number; readonly found: StsFound | string }
  /** What was found dead by this configuration is worth another try. */
  | { readonly kind: 'forget'; readonly generation: number }
  /** After the last attempt of this configuration. */
  | { readonly kind: 'close'; readonly generation: number };

export type FromRelay =
  /** `queries`: to name servers, since the last results. */
  | {
      readonly kind: 'results';
      readonly rows: readonly ResultRow[];
      readonly queries: number;
    }
  | { readonly kind: 'closed'; readonly generation: number }
  /** For a domain's MTA-STS policy, which is kept where the stores are. */
  | { readonly kind: 'ask'; readonly question: number; readonly domain: string }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly event: LogEvent;
      readonly fields: Readonly<Record<string, unknown>>;
    };

export type AttemptRow = readonly [
  attempt: number,
  generation: number,
  signal: number,
  route: RelayRoute,
  destination: string,
  id: string,
  sender: string,
  params: string,
  prefix: string,
  size: number,
  /** Without it the content is in the pack. */
  file: string | null,
  /** Address and parameters of each. */
  recipients: readonly string[],
  sign: boolean,
  received: number,
  seal: RelayLease['message']['seal'],
];

export type ResultRow = readonly [
  attempt: number,
  /** What it threw, or its result. */
  thrown: string | null,
  health: DeliveryResult['health'],
  recipients: readonly RecipientRow[],
  sessions: DeliveryResult['sessions'],
];

type RecipientRow = readonly [
  kind: RecipientResult['kind'],
  code: number,
  detail: Reply['detail'],
  lines: string | Reply['lines'],
  /** `dsn` of what was relayed, `remote` of the rest. */
  flag: boolean | undefined,
  /** The same object for all that went over one connection: a clone takes it along once. */
  facts: AttemptFacts | undefined,
  /** Of what was relayed: bits of `deliverBy` and `tracked`. */
  promises?: number,
];

export function attemptRow(
  [attempt, generation, signal]: readonly [number, number, number],
  { message, destination, recipients }: RelayLease,
  route: RelayRoute,
): AttemptRow {
  const { id, received, sender, params, prefix, content, sign, seal } = message;
  const addressed: string[] = [];
  for (const { address, params: own } of recipients)
    addressed.push(address, own.length === 0 ? '' : own.join(' '));
  return [
    attempt,
    generation,
    signal,
    route,
    destination,
    id,
    sender,
    params.length === 0 ? '' : params.join(' '),
    prefix,
    content.size,
    content.bytes === undefined ? (content.file ?? null) : null,
    addressed,
    sign === true,
    received,
    seal,
  ];
}

export function leaseOf(row: AttemptRow, content: Content): RelayLease {
  const [, , , , destination, id, sender, params, prefix, , , addressed, ...rest] = row;
  const [sign, received, seal] = rest;
  const recipients: RelayLease['recipients'][number][] = [];
  for (let at = 0; at < addressed.length; at += 2)
    recipients.push({ address: addressed[at]!, params: words(addressed[at + 1]!) });
  const message = { id, received, sender, params: words(params), prefix, content, sign, seal };
  // What a hop may see of a message and is not named here would not cross.
  return {
    message: message satisfies Record<keyof RelayLease['message'], unknown>,
    ...{ destination, recipients },
  };
}

const none: readonly string[] = [];
// Parameters in wire form hold no spaces. RFC 5321 §4.1.2: esmtp-value = 1*(%d33-60 / %d62-126)
const words = (text: string): readonly string[] => (text === '' ? none : text.split(' '));

/** A structured clone of each would cost more, and of a view would take its whole buffer along. */
export function packContents(contents: readonly Uint8Array[]): ArrayBuffer | undefined {
  let size = 0;
  for (const { length } of contents) size += length;
  if (size === 0) return undefined;
  const pack = new Uint8Array(size);
  let at = 0;
  for (const bytes of contents) {
    pack.set(bytes, at);
    at += bytes.length;
  }
  return pack.buffer;
}

/** The content of each row, in order. */
export function* contentsOf(
  rows: readonly AttemptRow[],
  pack: ArrayBuffer | undefined,
): Generator<Content> {
  let at = 0;
  for (const [, , , , , , , , , size, file] of rows) {
    if (file !== null) {
      yield fileContent(file, size);
      continue;
    }
    assert(pack !== undefined || size === 0, 'content comes with its row');
    yield memoryContent(pack === undefined ? new Uint8Array(0) : new Uint8Array(pack, at, size));
    at += size;
  }
}

export const resultRow = (
  attempt: number,
  { recipients, health, sessions }: DeliveryResult,
): ResultRow => [attempt, null, health, recipients.map(recipientRow), sessions];

export const thrownRow = (attempt: number, error: unknown): ResultRow => [
  attempt,
  stackOf(error),
  'ok',
  [],
  undefined,
];

/** What is said of an attempt and is not named here would not cross. */
export function resultOf([, , health, rows, sessions]: ResultRow): DeliveryResult {
  const recipients = rows.map(recipientOf);
  return sessions === undefined
    ? { recipients, health }
    : ({ recipients, health, sessions } satisfies Record<keyof DeliveryResult, unknown>);
}

function recipientRow(result: RecipientResult): RecipientRow {
  const { kind, reply, facts } = result;
  const { code, detail, lines } = reply;
  const words = lines.length === 1 ? lines[0] : lines;
  const flag = kind === 'relayed' ? result.dsn : kind === 'delivered' ? undefined : result.remote;
  const promises = kind === 'relayed' ? promisesOf(result) : 0;
  return promises === 0
    ? [kind, code, detail, words, flag, facts]
    : [kind, code, detail, words, flag, facts, promises];
}

const keptTime = 1;
const keptTrack = 2;

const promisesOf = ({
  deliverBy,
  tracked,
}: Pick<Extract<RecipientResult, { kind: 'relayed' }>, 'deliverBy' | 'tracked'>): number =>
  (deliverBy === true ? keptTime : 0) | (tracked === true ? keptTrack : 0);

/** All that crosses of a result: effects are none of a relay's. */
type Crossed<Kind extends RecipientResult['kind']> = Readonly<
  Record<Exclude<keyof Extract<RecipientResult, { readonly kind: Kind }>, 'effects'>, unknown>
>;

function recipientOf(row: RecipientRow): RecipientResult {
  const [kind, code, detail, words, flag, facts, promises = 0] = row;
  const lines: Reply['lines'] = typeof words === 'string' ? [words] : words;
  const reply: Reply = { code, detail, lines };
  switch (kind) {
    case 'delivered':
      return { kind, reply, facts } satisfies Crossed<'delivered'>;
    case 'relayed':
      return {
        ...{ kind, reply, dsn: flag === true, facts },
        ...{ deliverBy: (promises & keptTime) !== 0, tracked: (promises & keptTrack) !== 0 },
      } satisfies Crossed<'relayed'>;
    case 'deferred':
      return flag === undefined
        ? { kind, reply, facts }
        : ({ kind, reply, remote: flag, facts } satisfies Crossed<'deferred'>);
    case 'failed':
      return { kind, reply, remote: flag === true, facts } satisfies Crossed<'failed'>;
  }
}
