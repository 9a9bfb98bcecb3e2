// What is kept of certificates that authorities gave us: accounts, certificates with their keys, orders that are under way, and
// what went wrong last. As records of the store, so that nodes that share one share these, too. Record values are
// JSON; what cannot be read counts as not there.

import { createPrivateKey } from 'node:crypto';
import type { Turn } from '../store/nodes.ts';
import type { RecordStore } from '../store/record-store.ts';
import { readCertificate } from './renewal.ts';

export interface KeptAccount {
  readonly privateKey: string;
  readonly url: string;
  readonly contact: readonly string[];
}

export interface KeptCertificate {
  /** PEM: ours, then the intermediate ones. */
  readonly certificate: string;
  readonly privateKey: string;
  /** Of the authority. */
  readonly directory: string;
  /** When we got it, in milliseconds since 1970. */
  readonly obtained: number;
  /** When to renew it, in milliseconds since 1970. */
  readonly renewAt: number;
  /** When to ask again whether that is still so. */
  readonly adviceAt: number | undefined;
  /** It was revoked because somebody else has its key: the next one has another. */
  readonly isKeyLost?: boolean | undefined;
}

export interface KeptOrder {
  readonly url: string;
  readonly privateKey: string;
  readonly directory: string;
}

/** The last attempt came to nothing. */
export interface KeptFailure {
  readonly reason: string;
  readonly at: number;
  readonly attempts: number;
  /** When it is tried again. */
  readonly until: number;
}

interface Shapes {
  readonly 'acme-account': KeptAccount;
  readonly 'acme-certificate': KeptCertificate;
  readonly 'acme-order': KeptOrder;
  readonly 'acme-failure': KeptFailure;
}

const strings: { readonly [K in keyof Shapes]: readonly (keyof Shapes[K])[] } = {
  'acme-account': ['privateKey', 'url'],
  'acme-certificate': ['certificate', 'privateKey', 'directory'],
  'acme-order': ['url', 'privateKey', 'directory'],
  'acme-failure': ['reason'],
};

/** RFC 8555 §7.1.3 lets an authority forget an order sooner. */
const orderMs = 7 * 24 * 60 * 60_000;

/** The key of a certificate: its names. */
export const keyOf = (names: readonly string[]): string => names.join(' ');

export class Kept {
  readonly #records: Pick<RecordStore, 'get' | 'put' | 'remove'>;
  readonly #turn: () => Turn | undefined;

  /** `turn`: in which it is written. */
  constructor(
    records: Pick<RecordStore, 'get' | 'put' | 'remove'>,
    turn: () => Turn | undefined = () => undefined,
  ) {
    this.#records = records;
    this.#turn = turn;
  }

  async get<K extends keyof Shapes>(kind: K, key: string): Promise<Shapes[K] | undefined> {
    const record = await this.#records.get(kind, key);
    if (record === undefined) return undefined;
    try {
      const value: unknown = JSON.parse(record.value);
      const fields = value as Readonly<Record<string, unknown>>;
      const isWhole = strings[kind].every((name) => typeof fields[name as string] === 'string');
      return isWhole ? (value as Shapes[K]) : undefined;
    } catch {
      return undefined;
    }
  }

  async put<K extends keyof Shapes>(kind: K, key: string, value: Shapes[K], now: number) {
    const expires = kind === 'acme-order' ? now + orderMs : undefined;
    await this.#records.put([{ kind, key, value: JSON.stringify(value), expires }], this.#turn());
  }

  remove(kind: keyof Shapes, key: string): Promise<void> {
    return this.#records.remove(kind, [key], this.#turn());
  }
}

/** A certificate with its key. What cannot be read is not there. */
export function usable(kept: KeptCertificate | undefined): KeptCertificate | undefined {
  if (kept === undefined) return undefined;
  try {
    const isWhole = readCertificate(kept.certificate).checkPrivateKey(
      createPrivateKey(kept.privateKey),
    );
    return isWhole ? kept : undefined;
  } catch {
    return undefined;
  }
}

/** What is told of a certificate. Its key is not. */
export interface CertificateState {
  readonly names: readonly string[];
  /** PEM; null while there is none. */
  readonly certificate: string | null;
  /** In milliseconds since 1970. */
  readonly renewAt: number | null;
  /** The last attempt, if it came to nothing. */
  readonly failure: KeptFailure | null;
}

/** Limit: more than a configuration can name. */
const listedMax = 1000;

/** Of every list of names that there is something to tell of. */
export async function certificateStates(
  records: Pick<RecordStore, 'get' | 'put' | 'remove' | 'list'>,
): Promise<readonly CertificateState[]> {
  const kept = new Kept(records);
  const found = await Promise.all(
    (['acme-certificate', 'acme-failure'] as const).map((kind) =>
      records.list(kind, { limit: listedMax }),
    ),
  );
  const keys = [...new Set(found.flat().map(({ key }) => key))].sort();
  return Promise.all(
    keys.map(async (key) => {
      const one = await kept.get('acme-certificate', key);
      return {
        names: key.split(' '),
        certificate: one?.certificate ?? null,
        renewAt: one?.renewAt ?? null,
        failure: (await kept.get('acme-failure', key)) ?? null,
      };
    }),
  );
}
