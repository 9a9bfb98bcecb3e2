// Waiting for a message: answers with the newest that matches, at once or when one comes. Nobody asks again and
// again: the store says when something has changed.

import type { Clock } from '../base/clock.ts';
import type { FolderStore } from '../store/folder-store.ts';
import type { FoundMail, MailTerm } from '../store/mail-question.ts';
import type { CaughtMail } from './caught-mail.ts';

export interface AwaitedMailParts {
  readonly folders: Pick<FolderStore, 'watch'>;
  readonly clock: Clock;
}

/** Limit: who waits at once. */
const waitingMax = 200;

export class AwaitedMail {
  readonly #parts: AwaitedMailParts;
  #waiting = 0;

  constructor(parts: AwaitedMailParts) {
    this.#parts = parts;
  }

  get isFull(): boolean {
    return this.#waiting >= waitingMax;
  }

  /** Undefined when none came in time, or whoever waits has gone. */
  async next(
    mail: Pick<CaughtMail, 'latest'>,
    terms: readonly MailTerm[],
    { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<FoundMail | undefined> {
    const { folders, clock } = this.#parts;
    this.#waiting += 1;
    let changed = Promise.withResolvers<void>();
    let over = false;
    const stopWatching = folders.watch(() => changed.resolve());
    const end = () => {
      over = true;
      changed.resolve();
    };
    const stopClock = clock.after(timeoutMs, end);
    signal.addEventListener('abort', end);
    try {
      for (;;) {
        changed = Promise.withResolvers();
        const found = await mail.latest(terms);
        if (found !== undefined || over) return found;
        await changed.promise;
      }
    } finally {
      this.#waiting -= 1;
      stopWatching();
      stopClock();
      signal.removeEventListener('abort', end);
    }
  }
}
