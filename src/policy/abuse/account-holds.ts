// Accounts whose sending is stopped for a while: kept durably, so that neither a restart nor another node
// lets somebody go on; released by its end, or by an operator, at once.

import { BoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import type { RecordStore, StoredRecord } from '../../store/record-store.ts';

export interface AccountHold {
  readonly account: string;
  /** What it did: 'more than 500 recipients in 1h'. */
  readonly reason: string;
  readonly since: number;
  readonly until: number;
}

export interface AccountHoldsParts {
  readonly records: Pick<RecordStore, 'get' | 'put'>;
  readonly clock: Pick<Clock, 'now'>;
}

const kind = 'account-hold';
/** Limit: accounts that are known not to be held, and how long that is believed: another node may hold one. */
const freeMax = 10_000;
const freeMs = 5_000;
/** Limit: of one list. */
const listMax = 1_000;

export class AccountHolds {
  readonly #parts: AccountHoldsParts;
  /** Until when an account is taken for free. */
  readonly #free = new BoundedMap<string, number>(freeMax);
  /** Holds that are under way into the store. */
  readonly #coming = new Map<string, AccountHold>();
  /** How many have begun: an answer that was asked for before one may not know of it. */
  #begun = 0;

  constructor(parts: AccountHoldsParts) {
    this.#parts = parts;
  }

  async of(account: string): Promise<AccountHold | undefined> {
    const coming = this.#coming.get(account);
    if (coming !== undefined) return coming;
    const { records, clock } = this.#parts;
    const now = clock.now();
    if ((this.#free.get(account) ?? 0) > now) return undefined;
    const begun = this.#begun;
    const record = await records.get(kind, account);
    if (record !== undefined) return read(record);
    if (this.#begun === begun) this.#free.set(account, now + freeMs);
    return this.#coming.get(account);
  }

  /** Another node has held one, or let it go. */
  forget(): void {
    this.#begun += 1;
    this.#free.clear();
  }

  /** Durable when it resolves, in force at once. False if it was held already. */
  async hold(hold: AccountHold): Promise<boolean> {
    const { account, reason, since, until } = hold;
    if (this.#coming.has(account)) return false;
    this.#coming.set(account, hold);
    this.#begun += 1;
    this.#free.delete(account);
    try {
      const value = JSON.stringify({ reason, since });
      await this.#parts.records.put([{ kind, key: account, value, expires: until }]);
      return true;
    } finally {
      this.#coming.delete(account);
    }
  }
}

/** All that are held now, by account. */
export async function heldAccounts(
  records: Pick<RecordStore, 'list'>,
): Promise<ReadonlyMap<string, AccountHold>> {
  const found = await records.list(kind, { limit: listMax });
  return new Map(found.map((record) => [record.key, read(record)]));
}

/** False if it was not held. */
export async function releaseAccount(
  records: Pick<RecordStore, 'get' | 'remove'>,
  account: string,
): Promise<boolean> {
  if ((await records.get(kind, account)) === undefined) return false;
  await records.remove(kind, [account]);
  return true;
}

function read({ key, value, expires }: StoredRecord): AccountHold {
  const { reason, since } = JSON.parse(value) as Pick<AccountHold, 'reason' | 'since'>;
  return { account: key, reason, since, until: expires ?? Number.POSITIVE_INFINITY };
}
