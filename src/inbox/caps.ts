// How much of what is caught is kept, so that nobody's disk fills up: so many messages, for so long. The oldest go, a
// few at a time with a pause in between, so that catching goes on beside it.

import { type Clock, sleep } from '../base/clock.ts';
import { stackOf } from '../base/error-text.ts';
import type { Log } from '../base/log.ts';
import type { FolderStore } from '../store/folder-store.ts';
import type { MailTerm } from '../store/mail-question.ts';
import { removePlaces } from './caught-mail.ts';

export interface CapsParts {
  readonly folders: FolderStore;
  readonly messagesMax: number;
  readonly ageMsMax: number | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long after mail has come it is looked whether there is too much; how often at least, for what grows old. */
const settledMs = 1_000;
const lookMs = 60_000;
/** Limit: messages deleted in one step, and the pause after it. */
const perStep = 200;
const pauseMs = 50;

export class Caps implements AsyncDisposable {
  readonly #parts: CapsParts;
  readonly #stopWatching: () => void;
  #cancel = () => {};
  #working: Promise<void> | undefined;
  /** Mail came since it was looked. */
  #changed = false;
  #stopped = false;

  constructor(parts: CapsParts) {
    this.#parts = parts;
    this.#stopWatching = parts.folders.watch(() => {
      if (this.#changed) return;
      this.#changed = true;
      if (this.#working === undefined) this.#lookAfter(settledMs);
    });
    this.#lookAfter(settledMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#stopWatching();
    this.#cancel();
    await this.#working;
  }

  #lookAfter(ms: number): void {
    this.#cancel();
    if (this.#stopped) return;
    this.#cancel = this.#parts.clock.after(ms, () => {
      this.#changed = false;
      this.#working = this.#prune().finally(() => {
        this.#working = undefined;
        this.#lookAfter(this.#changed ? settledMs : lookMs);
      });
    });
  }

  async #prune(): Promise<void> {
    const { clock, log } = this.#parts;
    try {
      while (!this.#stopped && (await this.#step()) > 0) await sleep(clock, pauseMs);
    } catch (error) {
      log.error('old mail was not deleted', { error: stackOf(error) });
    }
  }

  /** How many messages went. */
  async #step(): Promise<number> {
    const { folders, messagesMax, ageMsMax, clock } = this.#parts;
    const old: readonly MailTerm[] =
      ageMsMax === undefined
        ? []
        : [{ kind: 'received', is: 'until', ms: clock.now() - ageMsMax, not: false }];
    const everything = { account: undefined, folder: undefined, limit: perStep };
    const beyond = await folders.mails({ ...everything, terms: [], start: messagesMax });
    const aged =
      old.length === 0 ? [] : (await folders.mails({ ...everything, terms: old, start: 0 })).mails;
    const gone = [...beyond.mails, ...aged];
    await removePlaces(
      folders,
      gone.flatMap(({ places }) => places),
    );
    return gone.length;
  }
}
