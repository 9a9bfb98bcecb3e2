// What happens, told to whoever watches: pages that are open, programs that follow. Nobody listening costs one
// comparison; a listener that is slow loses events, is told how many, and never holds anybody up.

import type { Clock } from '../base/clock.ts';

export const topics = ['messages', 'queue', 'stats', 'log', 'mail'] as const;
export type Topic = (typeof topics)[number];

/** `event` is its name; the rest is ready to be JSON. */
export interface News {
  /** ISO 8601. */
  readonly at: string;
  readonly event: string;
  /** Where it happened, of several nodes. */
  readonly onNode?: string;
  readonly [field: string]: unknown;
}

/** Limit: listeners at a time. */
export const listenersMax = 200;
/** Limit: events that wait for one listener. */
export const waitingMax = 1000;

export interface EventHubLimits {
  readonly listeners: number;
  readonly waiting: number;
}

export interface Listener {
  /** What has come since it was last asked. */
  take(): readonly News[];
  /** Nothing more will come: it was closed, or the server stops. */
  readonly isOver: boolean;
  /** Called once when there is something to take, or it is over. */
  onNews(callback: () => void): void;
  close(): void;
}

/** What has come, as soon as something has; nothing where nothing comes within `silenceMs`, or it is over. */
export async function newsOrSilence(
  listener: Listener,
  clock: Pick<Clock, 'after'>,
  silenceMs: number,
): Promise<readonly News[]> {
  await new Promise<void>((resolve) => {
    const cancel = clock.after(silenceMs, resolve);
    listener.onNews(() => {
      cancel();
      resolve();
    });
  });
  return listener.take();
}

export class EventHub {
  readonly #limits: EventHubLimits;
  readonly #listeners = new Set<Queue>();
  readonly #counts: Record<Topic, number> = { messages: 0, queue: 0, stats: 0, log: 0, mail: 0 };

  #onInterest: readonly (() => void)[] = [];
  #isClosed = false;
  #node: string | undefined;

  constructor(limits: EventHubLimits = { listeners: listenersMax, waiting: waitingMax }) {
    this.#limits = limits;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Whether it is worth telling. */
  isHeard(topic: Topic): boolean {
    return this.#counts[topic] > 0;
  }

  /** What happens here is marked with this name, among what happens at other nodes. */
  isOf(node: string): void {
    this.#node = node;
  }

  /** What is listened to by those who want to hear of all nodes. */
  get wantedOfAll(): ReadonlySet<Topic> {
    const all = [...this.#listeners].filter(({ isOwn }) => !isOwn);
    return new Set(all.flatMap(({ wanted }) => [...wanted]));
  }

  /** Called whenever somebody begins to listen or ends: what costs something to find out may wait for that. */
  onInterest(callback: () => void): void {
    this.#onInterest = [...this.#onInterest, callback];
  }

  /** Undefined where there are too many. `isOwn`: of this node alone. */
  listen(wanted: ReadonlySet<Topic>, { isOwn = false } = {}): Listener | undefined {
    if (this.#isClosed || this.#listeners.size >= this.#limits.listeners) return undefined;
    const queue = new Queue({ wanted, isOwn }, this.#limits.waiting);
    this.#listeners.add(queue);
    for (const topic of wanted) this.#counts[topic] += 1;
    this.#interested();
    let isOpen = true;
    const isOver = () => this.#isClosed || !isOpen;
    return {
      get isOver() {
        return isOver();
      },
      take: () => queue.take(),
      onNews: (callback) => (isOver() ? callback() : queue.onNews(callback)),
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        this.#listeners.delete(queue);
        for (const topic of wanted) this.#counts[topic] -= 1;
        this.#interested();
        queue.wake();
      },
    };
  }

  /** Everybody's listening ends. */
  close(): void {
    this.#isClosed = true;
    for (const queue of this.#listeners) queue.wake();
  }

  tell(topic: Topic, news: News): void {
    const told = this.#node === undefined ? news : { ...news, onNode: this.#node };
    for (const queue of this.#listeners) if (queue.wanted.has(topic)) queue.add(told);
  }

  /** What happened at another node, which has marked it. */
  tellOfOther(topic: Topic, news: News): void {
    for (const queue of this.#listeners)
      if (!queue.isOwn && queue.wanted.has(topic)) queue.add(news);
  }

  #interested(): void {
    for (const callback of this.#onInterest) callback();
  }
}

class Queue {
  readonly wanted: ReadonlySet<Topic>;
  readonly isOwn: boolean;
  readonly #max: number;
  #waiting: News[] = [];
  #lost = 0;
  #callback: (() => void) | undefined;

  constructor({ wanted, isOwn }: Pick<Queue, 'wanted' | 'isOwn'>, max: number) {
    this.wanted = wanted;
    this.isOwn = isOwn;
    this.#max = max;
  }

  add(news: News): void {
    if (this.#waiting.length < this.#max) this.#waiting.push(news);
    else this.#lost += 1;
    this.wake();
  }

  wake(): void {
    const callback = this.#callback;
    this.#callback = undefined;
    callback?.();
  }

  take(): readonly News[] {
    const taken = this.#waiting;
    const last = taken.at(-1);
    if (this.#lost > 0 && last !== undefined)
      taken.push({ at: last.at, event: 'events.lost', count: this.#lost });
    this.#waiting = [];
    this.#lost = 0;
    return taken;
  }

  onNews(callback: () => void): void {
    if (this.#waiting.length > 0) callback();
    else this.#callback = callback;
  }
}
