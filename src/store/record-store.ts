// Small durable facts that are neither mail nor accounts: policies of other domains, what is counted for
// reports, whom greylisting knows, certificates. Whoever keeps some names a kind, which is theirs alone.

import type { Turn } from './nodes.ts';

export interface StoredRecord {
  /** Whose it is: `greylist`, `mta-sts` … */
  readonly kind: string;
  readonly key: string;
  /** At most `recordCharactersMax`; what it means is its owner's affair. */
  readonly value: string;
  /** In milliseconds since 1970: from then on it is not there any more. Undefined: for ever. */
  readonly expires?: number | undefined;
}

export interface RecordPage {
  /** Only keys that begin with it. */
  readonly prefix?: string | undefined;
  /** Only keys behind this one: the last key of the page before. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Limit: content goes elsewhere; a certificate with its chain, or a policy of 64 KiB, fits. */
export const recordCharactersMax = 256 * 1024;

/** Kinds that servers keep in memory: of their changes all nodes are told. */
export const announcedKinds = [
  'account-hold',
  'account-rules',
  'acme-certificate',
  'acme-challenge',
  'acme-failure',
  'destination-forgiven',
  'destination-hold',
  'dkim-keys',
  'node-answer',
  'node-question',
] as const;
export type AnnouncedKind = (typeof announcedKinds)[number];

/** Kinds that phones ask for with each request: the process that has the store to itself may answer from memory. */
export const rememberedKinds: ReadonlySet<string> = new Set([
  'activesync-collection',
  'activesync-device',
]);

/** @throws RangeError */
export function checkLength({ kind, key, value }: StoredRecord): void {
  if (value.length > recordCharactersMax)
    throw new RangeError(`${kind} ${key}: ${value.length} characters are too long for a record`);
}

/** One that is put with a message, and only once. */
export const recordIsThere = ({ kind, key }: Pick<StoredRecord, 'kind' | 'key'>): Error =>
  new Error(`there is a record ${kind} ${key} already`);

/** Octets behind all keys that begin with it, and before all others: no octet of UTF-8 is 0xff. */
export function endOfPrefix(prefix: string): Uint8Array {
  const octets = Buffer.from(prefix);
  const last = octets.length - 1;
  if (last < 0) return Uint8Array.of(0xff);
  octets[last]! += 1;
  return octets;
}

export interface RecordStore {
  get(kind: string, key: string): Promise<StoredRecord | undefined>;
  /**
   * All or none of them, durable when this resolves. One with the same kind and key is replaced.
   * @throws RangeError when a value is too long; TurnLostError when the turn is another node's by now.
   */
  put(records: readonly StoredRecord[], turn?: Turn): Promise<void>;
  /**
   * Where what is there still has the value `before` (undefined: where nothing is there), it is this one from now on;
   * false where it has another by now, and nothing is changed. Durable when this resolves.
   * @throws RangeError when the value is too long.
   */
  replace(record: StoredRecord, before: string | undefined): Promise<boolean>;
  /** @throws TurnLostError */
  remove(kind: string, keys: readonly string[], turn?: Turn): Promise<void>;
  /** In the order of their keys, by UTF-8 octets. */
  list(kind: string, page: RecordPage): Promise<readonly StoredRecord[]>;
  /** Those that have expired and are not swept yet may be counted. */
  count(kind: string): Promise<number>;
  /** Told within seconds when another node, or this one, has changed records of the kind. */
  watch(kind: AnnouncedKind, listener: () => void): () => void;
}
