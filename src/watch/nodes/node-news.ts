// What happens at other nodes, for those who listen at this one: asked for once a second while somebody does. What the
// others ask of this one is kept for them from one question to the next.

import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { EventHub, Listener, News, Topic } from '../event-hub.ts';
import { topics } from '../event-hub.ts';
import type { NodeAnswers, NodeQuestions } from './node-questions.ts';

export interface NodeNewsParts {
  readonly hub: EventHub;
  readonly questions: Pick<NodeQuestions, 'ask' | 'answer'>;
  readonly clock: Clock;
  readonly log: Log;
}

const everyMs = 1000;
/** A node that has not asked for so long does not want to know any more. */
const forgottenMs = 15_000;

type Told = Partial<Readonly<Record<Topic, readonly News[]>>>;

interface Kept {
  readonly listeners: ReadonlyMap<Topic, Listener>;
  readonly cancel: () => void;
}

export class NodeNews {
  readonly #parts: NodeNewsParts;
  /** By the number of the node that asks. */
  readonly #kept = new Map<number, Kept>();
  #isFollowing = false;
  #isStopped = false;
  /** Of which somebody has been told that they do not answer. */
  #silent: ReadonlySet<string> = new Set();

  constructor(parts: NodeNewsParts) {
    this.#parts = parts;
    const { hub, questions } = parts;
    questions.answer('news', (input, from) => this.#told(topicsIn(input), from));
    hub.onInterest(() => {
      // Whoever comes is told, too.
      this.#silent = new Set();
      void this.#follow();
    });
  }

  stop(): void {
    this.#isStopped = true;
    for (const number of [...this.#kept.keys()]) this.#forget(number);
  }

  /** Never rejects. */
  async #follow(): Promise<void> {
    const { hub, questions, clock } = this.#parts;
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    while (!this.#isStopped && hub.wantedOfAll.size > 0) {
      const wanted = topics.filter((topic) => hub.wantedOfAll.has(topic));
      // The database is away, which is told where that matters.
      const answers = await questions.ask('news', wanted).catch(() => undefined);
      if (answers !== undefined) this.#heard(answers);
      await sleep(clock, everyMs);
    }
    this.#isFollowing = false;
  }

  #heard({ answers, silent }: NodeAnswers): void {
    const { hub, log } = this.#parts;
    for (const { said } of answers)
      for (const topic of topics)
        for (const news of newsIn(said, topic)) hub.tellOfOther(topic, news);
    const names = silent.filter(({ state }) => state === 'silent').map(({ node }) => node);
    const known = this.#silent;
    this.#silent = new Set(names);
    for (const node of names) if (!known.has(node)) log.warn('node does not answer', { node });
  }

  /** What has happened since that node asked last. */
  #told(wanted: readonly Topic[], from: number): Told {
    const { hub, clock } = this.#parts;
    const before = this.#kept.get(from);
    before?.cancel();
    const listeners = new Map<Topic, Listener>();
    for (const topic of wanted) {
      const listener =
        before?.listeners.get(topic) ?? hub.listen(new Set([topic]), { isOwn: true });
      if (listener !== undefined) listeners.set(topic, listener);
    }
    for (const [topic, listener] of before?.listeners ?? [])
      if (!listeners.has(topic)) listener.close();
    const cancel = clock.after(forgottenMs, () => this.#forget(from));
    this.#kept.set(from, { listeners, cancel });
    return Object.fromEntries([...listeners].map(([topic, listener]) => [topic, listener.take()]));
  }

  #forget(number: number): void {
    const kept = this.#kept.get(number);
    kept?.cancel();
    for (const listener of kept?.listeners.values() ?? []) listener.close();
    this.#kept.delete(number);
  }
}

/** A node of another version may say anything. */
function newsIn(said: unknown, topic: Topic): readonly News[] {
  const news: unknown = (said as Told | null | undefined)?.[topic];
  return Array.isArray(news) ? news.filter((one) => typeof one === 'object' && one !== null) : [];
}

const topicsIn = (input: unknown): readonly Topic[] =>
  Array.isArray(input) ? topics.filter((topic) => input.includes(topic)) : [];
