// The keys that mail is signed with, the same at all nodes: files at each, where they sign and `postrider dkim` changes them,
// and a record for each domain, by which the others learn of it. What was changed at one node only is taken from there;
// what was changed at two is joined.

import { statSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/error-text.ts';
import type { Log } from '../base/log.ts';
import { allRecords } from '../store/all-records.ts';
import type { Stores } from '../store/stores.ts';
import type { KeySets } from '../trust/dkim-key-sets.ts';
import {
  digestOf,
  joinKeySets,
  readAgreed,
  readKeySets,
  writeAgreed,
  writeKeySets,
} from '../trust/dkim-key-sets.ts';
import { indexFile } from '../trust/dkim-keys.ts';

export interface SharedKeysParts {
  readonly stores: Pick<Stores, 'records' | 'nodes'>;
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
}

const kind = 'dkim-keys';
/** How late a change of the files is noticed. */
const lookMs = 5000;

export class SharedKeys implements Disposable {
  readonly #parts: SharedKeysParts;
  #seen: string | undefined;
  #isDue = true;
  #isFailing = false;
  #looking: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #unwatch: (() => void) | undefined;

  constructor(parts: SharedKeysParts) {
    this.#parts = parts;
  }

  /** Before the first mail leaves; from then on whatever changes here or elsewhere. Never rejects. */
  async start(): Promise<void> {
    this.#unwatch = this.#parts.stores.records.watch(kind, () => {
      this.#isDue = true;
      void this.#look();
    });
    await this.#look();
    this.#lookLater();
  }

  [Symbol.dispose](): void {
    this.#cancel?.();
    this.#unwatch?.();
    this.#unwatch = undefined;
  }

  #lookLater(): void {
    if (this.#unwatch === undefined) return;
    this.#cancel = this.#parts.clock.after(lookMs, () => {
      void this.#look().then(() => this.#lookLater());
    });
  }

  async #look(): Promise<void> {
    // Whoever waited with us may look already.
    while (this.#looking !== undefined) await this.#looking;
    this.#looking = this.#agree().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** What could not be had or written is tried again at the next look. */
  async #agree(): Promise<void> {
    const index = indexFile(this.#parts.directory);
    try {
      const version = versionOf(index);
      if (!this.#isDue && version === this.#seen) return;
      // What changes while we look is due again.
      this.#isDue = false;
      if (!(await this.#share())) {
        this.#isDue = true;
        return;
      }
      // As it was before we read: what somebody changed meanwhile is looked at again, as is what we wrote.
      this.#seen = version;
      this.#isFailing = false;
    } catch (error) {
      this.#isDue = true;
      if (!this.#isFailing)
        this.#parts.log.warn('DKIM keys not shared', { error: messageOf(error) });
      this.#isFailing = true;
    }
  }

  /** False when another node is at it. @throws KeyFilesError, StorageError, TurnLostError */
  async #share(): Promise<boolean> {
    const { stores, directory } = this.#parts;
    const { records, nodes } = stores;
    const plan = planOf(readKeySets(directory), await this.#shared(), readAgreed(directory));
    if (plan.told.size === 0) return this.#take(plan);
    const done = await nodes.inTurn(kind, async (turn) => {
      const now = planOf(readKeySets(directory), await this.#shared(), readAgreed(directory));
      await records.put(
        [...now.told].map(([key, value]) => ({ kind, key, value })),
        turn,
      );
      return this.#take(now);
    });
    return done === true;
  }

  #take({ taken, told, agreed }: Plan): true {
    const { directory, log } = this.#parts;
    if (taken.size > 0) {
      writeKeySets(directory, taken);
      log.info('DKIM keys taken', { domains: [...taken.keys()] });
    }
    if (taken.size + told.size > 0 || agreed.size !== readAgreed(directory).size)
      writeAgreed(directory, agreed);
    return true;
  }

  async #shared(): Promise<KeySets> {
    const { records } = this.#parts.stores;
    const found = new Map<string, string>();
    for await (const { key, value } of allRecords(records, kind)) found.set(key, value);
    return found;
  }
}

interface Plan {
  /** For the files of this node. */
  readonly taken: KeySets;
  /** For all. */
  readonly told: KeySets;
  readonly agreed: ReadonlyMap<string, string>;
}

/** A node that has none of a domain takes what there is: who deletes files deletes nobody else's. */
export function planOf(here: KeySets, shared: KeySets, agreed: ReadonlyMap<string, string>): Plan {
  const taken = new Map<string, string>();
  const told = new Map<string, string>();
  const all = new Map<string, string>();
  for (const domain of new Set([...here.keys(), ...shared.keys()])) {
    const [ours, theirs] = [here.get(domain), shared.get(domain)];
    const joined = together(domain, [ours, theirs], agreed.get(domain));
    if (joined !== ours) taken.set(domain, joined);
    if (joined !== theirs) told.set(domain, joined);
    all.set(domain, digestOf(joined));
  }
  return { taken, told, agreed: all };
}

/** One of both is there. */
function together(
  domain: string,
  [ours, theirs]: readonly [string | undefined, string | undefined],
  agreed: string | undefined,
): string {
  if (ours === undefined || theirs === undefined) return (ours ?? theirs)!;
  if (ours === theirs || digestOf(ours) === agreed) return theirs;
  return digestOf(theirs) === agreed ? ours : joinKeySets(domain, theirs, ours);
}

function versionOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? 'none' : `${found.ino} ${found.mtimeMs} ${found.size}`;
}
