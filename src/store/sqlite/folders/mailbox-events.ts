// Tells whoever watches what changed in the mailboxes: what this process committed, each folder once
// a turn, and that another process changed something, which is looked up about once a second.

import type { Clock } from '../../../base/clock.ts';
import type { MailboxEvent } from '../../folder-store.ts';

// How late a change of another process may be noticed.
const pollAfterMs = 1000;

export interface MailboxEventsParts {
  readonly clock: Clock;
  /** Calls back soon: what happens until then is told once. */
  readonly gather: (callback: () => void) => void;
  /** Another number after another process changed something. */
  readonly version: () => Promise<number>;
}

export class MailboxEvents {
  readonly #parts: MailboxEventsParts;
  readonly #listeners = new Set<(event: MailboxEvent) => void>();
  #waiting = new Map<string | number, MailboxEvent>();
  #version: number | undefined;
  #cancelPoll: (() => void) | undefined;

  constructor(parts: MailboxEventsParts) {
    this.#parts = parts;
  }

  watch(listener: (event: MailboxEvent) => void): () => void {
    // The same function may watch twice.
    const entry = (event: MailboxEvent) => listener(event);
    this.#listeners.add(entry);
    if (this.#cancelPoll === undefined) this.#poll();
    return () => {
      this.#listeners.delete(entry);
      if (this.#listeners.size === 0) this.close();
    };
  }

  publish(events: readonly MailboxEvent[]): void {
    if (this.#listeners.size === 0) return;
    if (this.#waiting.size === 0) this.#parts.gather(() => this.#tell());
    for (const event of events) this.#waiting.set(keyOf(event), event);
  }

  close(): void {
    this.#cancelPoll?.();
    this.#cancelPoll = undefined;
    this.#version = undefined;
  }

  #tell(): void {
    const events = this.#waiting;
    this.#waiting = new Map();
    for (const event of events.values())
      for (const listener of [...this.#listeners]) listener(event);
  }

  /** The first look tells nothing but where to start from. */
  #poll(): void {
    const again = () => {
      if (this.#cancelPoll !== undefined)
        this.#cancelPoll = this.#parts.clock.after(pollAfterMs, () => this.#poll());
    };
    this.#cancelPoll ??= () => {};
    this.#parts.version().then(
      (version) => {
        if (this.#version !== undefined && version !== this.#version)
          this.publish([{ kind: 'unknown' }]);
        if (this.#cancelPoll !== undefined) this.#version = version;
        again();
      },
      again, // a store that has no room or is closing: the next look may fare better
    );
  }
}

function keyOf(event: MailboxEvent): string | number {
  switch (event.kind) {
    case 'messages':
      return event.folder;
    case 'folders':
      return `folders ${event.account}`;
    case 'unknown':
      return 'unknown';
  }
}
