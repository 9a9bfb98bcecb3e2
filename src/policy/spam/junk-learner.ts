// Learns, in the background, from what people call junk and what they take out of there: one message at a time,
// each once for what it is called, whoever else learns too. Its queue is bounded and in memory: what does not
// fit, or a stop takes, is not learnt, and nothing else comes of it.

import { messageOf, stackOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import type { Content } from '../../store/content.ts';
import type { FolderStore } from '../../store/folder-store.ts';
import type { SpamClass, SpamStore } from '../../store/spam-store.ts';
import { startOf } from './spam-filter.ts';
import { looksAtBytes, wordsOf } from './words.ts';

/** Messages that the owner of a folder called spam, or not. */
export interface SortedMessages {
  readonly account: string;
  readonly folder: number;
  readonly uids: readonly number[];
  readonly is: SpamClass;
}

/** Who learns beside the account's own filter. What it throws is logged. */
export interface OtherPupil {
  readonly name: string;
  learn(content: Content, is: SpamClass, account: string): Promise<void>;
}

export interface JunkLearnerParts {
  readonly folders: Pick<FolderStore, 'list' | 'open'>;
  readonly spam: Pick<SpamStore, 'learn'>;
  /** Whether words are counted, and who learns besides. Asked for each message. */
  readonly settings: () => { readonly enabled: boolean; readonly others: readonly OtherPupil[] };
  readonly log: Log;
  /** The account has learnt something. */
  readonly learnt: (account: string, is: SpamClass) => void;
}

/** Limit: messages that wait to be learnt from. */
export const waitingMax = 10_000;

interface Lesson extends Omit<SortedMessages, 'uids'> {
  readonly uid: number;
}

export class JunkLearner {
  readonly #parts: JunkLearnerParts;
  #waiting: Lesson[] = [];
  #working: Promise<void> | undefined;
  #closed = false;

  constructor(parts: JunkLearnerParts) {
    this.#parts = parts;
  }

  /** Never throws, never waits. */
  note({ uids, ...lesson }: SortedMessages): void {
    const { enabled, others } = this.#parts.settings();
    if (this.#closed || !(enabled || others.length > 0)) return;
    const room = waitingMax - this.#waiting.length;
    for (const uid of uids.slice(0, room)) this.#waiting.push({ ...lesson, uid });
    if (uids.length > room) {
      const reason = 'too many wait to be learnt from';
      this.#parts.log.warn('junk not learnt', {
        ...{ account: lesson.account, messages: uids.length - room, reason },
      });
    }
    this.#working ??= this.#work();
  }

  /** How many messages wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await this.#working;
  }

  /** What waits is given up; what is being learnt is finished. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting = [];
    await this.#working;
  }

  async #work(): Promise<void> {
    // Whoever moved the message comes first.
    do {
      await new Promise((resolve) => setImmediate(resolve));
      const lesson = this.#waiting.shift();
      if (lesson === undefined) break;
      try {
        await this.#learn(lesson);
      } catch (error) {
        this.#parts.log.warn('junk not learnt', {
          ...{ account: lesson.account, uid: lesson.uid, error: stackOf(error) },
        });
      }
    } while (this.#waiting.length > 0);
    this.#working = undefined;
  }

  async #learn({ account, folder, uid, is }: Lesson): Promise<void> {
    const { folders, spam, settings, learnt, log } = this.#parts;
    const [message] = await folders.list(folder, { after: uid - 1, limit: 1 });
    const [content] = await folders.open(folder, [uid]);
    // It was moved on: what it is called there is a lesson of its own.
    if (message?.uid !== uid || content === undefined) return;
    const { enabled, others } = settings();
    const words = enabled ? wordsOf(await startOf(content, looksAtBytes)) : [];
    if (!(await spam.learn({ account, email: message.id, is, words }))) return;
    learnt(account, is);
    log.debug('junk learnt', { account, uid, reason: is });
    for (const other of others)
      try {
        await other.learn(content, is, account);
      } catch (error) {
        log.warn('filter has not learnt', { filter: other.name, error: messageOf(error) });
      }
  }
}
