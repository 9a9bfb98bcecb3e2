// Devices that wait for something to come: one watch of the store for all of them.

import type { Clock } from '../../base/clock.ts';
import type { FolderStore, MailboxEvent } from '../../store/folder-store.ts';

export type Woken = 'changed' | 'expired' | 'left';

export interface WaitParts {
  readonly account: string;
  /** At most. */
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

  /** From now on nothing of the account is missed: whoever looks for news looks then, and waits if there is none. */
  begin({ account, ms, left }: WaitParts): Disposable & { readonly woken: Promise<Woken> } {
    const { promise, resolve } = Promise.withResolvers<Woken>();
    const leave = () => resolve('left');
    if (left.aborted) leave();
    if (this.#closed) resolve('expired');
    const cancel = this.#clock.after(ms, () => resolve('expired'));
    left.addEventListener('abort', leave, { once: true });
    const others = this.#byAccount.get(account) ?? new Set();
    this.#byAccount.set(account, others.add(resolve));
    this.#size += 1;
    return {
      woken: promise,
      [Symbol.dispose]: () => {
        cancel();
        left.removeEventListener('abort', leave);
        others.delete(resolve);
        if (others.size === 0 && this.#byAccount.get(account) === others)
          this.#byAccount.delete(account);
        this.#size -= 1;
      },
    };
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
