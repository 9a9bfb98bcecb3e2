// Devices that wait for something to come: one watch of the store for all of them.

import type { Clock } from '../../base/clock.ts';
import type { FolderStore, MailboxEvent } from '../../store/folder-store.ts';

export type Woken = 'changed' | 'expired' | 'left';

export interface WaitParts {
  readonly account: string;
  readonly ms: number;
  readonly left: AbortSignal;
}

type Waiter = (why: Woken) => void;

export class Waiting {
  readonly #clock: Clock;
  readonly #byAccount = new Map<string, Set<Waiter>>();
  #size = 0;
  #closed = false;
  readonly #unwatch: () => void;

  constructor(store: Pick<FolderStore, 'watch'>, clock: Clock) {
    this.#clock = clock;
    this.#unwatch = store.watch((event) => this.#notice(event));
  }

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** Until something of the account changes, at most for `ms`. */
  async wait({ account, ms, left }: WaitParts): Promise<Woken> {
    if (left.aborted) return 'left';
    if (this.#closed) return 'expired';
    const { promise, resolve } = Promise.withResolvers<Woken>();
    const waiter: Waiter = resolve;
    const leave = () => resolve('left');
    const cancel = this.#clock.after(ms, () => resolve('expired'));
    left.addEventListener('abort', leave, { once: true });
    const others = this.#byAccount.get(account) ?? new Set();
    this.#byAccount.set(account, others.add(waiter));
    this.#size += 1;
    try {
      return await promise;
    } finally {
      cancel();
      left.removeEventListener('abort', leave);
      others.delete(waiter);
      if (others.size === 0 && this.#byAccount.get(account) === others)
        this.#byAccount.delete(account);
      this.#size -= 1;
    }
  }

  /** Nobody waits any more: the server ends. */
  close(): void {
    this.#closed = true;
    this.#unwatch();
    for (const waiters of this.#byAccount.values()) for (const wake of waiters) wake('expired');
  }

  #notice(event: MailboxEvent): void {
    if (event.kind !== 'unknown') this.#wakeAll(this.#byAccount.get(event.account));
    else for (const waiters of this.#byAccount.values()) this.#wakeAll(waiters);
  }

  #wakeAll(waiters: ReadonlySet<Waiter> | undefined): void {
    for (const wake of waiters ?? []) wake('changed');
  }
}
