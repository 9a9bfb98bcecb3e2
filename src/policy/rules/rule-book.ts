// The rules of all accounts, durable, and in memory for those whose mail comes: an account without rules costs its
// mail nothing but a look into a map.

import { BoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { addressKey } from '../../mail/fields/address.ts';
import type { RecordStore } from '../../store/record-store.ts';
import type { AccountRules } from './account-rules.ts';
import { isEmpty } from './account-rules.ts';

export interface RuleBookParts {
  readonly records: Pick<RecordStore, 'get' | 'put' | 'remove'>;
  readonly clock: Pick<Clock, 'now'>;
}

const kind = 'account-rules';
/** Limit: accounts whose rules are known, and for how long that is believed: another process may change them. */
const knownMax = 10_000;
const knownMs = 60_000;

interface Known {
  readonly rules: AccountRules | undefined;
  readonly until: number;
}

export class RuleBook {
  readonly #parts: RuleBookParts;
  readonly #known = new BoundedMap<string, Known>(knownMax);
  /** How often they were changed here: an answer that was asked for before a change does not know of it. */
  #changes = 0;

  constructor(parts: RuleBookParts) {
    this.#parts = parts;
  }

  /** By the primary address; undefined where there are none. */
  async of(account: string): Promise<AccountRules | undefined> {
    const { records, clock } = this.#parts;
    const key = addressKey(account);
    const known = this.#known.get(key);
    if (known !== undefined && known.until > clock.now()) return known.rules;
    const changes = this.#changes;
    const record = await records.get(kind, key);
    const rules = record === undefined ? undefined : (JSON.parse(record.value) as AccountRules);
    if (changes === this.#changes) this.#known.set(key, { rules, until: clock.now() + knownMs });
    return rules;
  }

  /** Another node has changed some: nothing that is known is believed. */
  forget(): void {
    this.#changes += 1;
    this.#known.clear();
  }

  /** Durable when it resolves, and in force for the next message. @throws RangeError when they are too long. */
  async set(account: string, rules: AccountRules): Promise<void> {
    const { records } = this.#parts;
    const key = addressKey(account);
    if (isEmpty(rules)) await records.remove(kind, [key]);
    else await records.put([{ kind, key, value: JSON.stringify(rules) }]);
    this.#changes += 1;
    this.#known.delete(key);
  }
}
