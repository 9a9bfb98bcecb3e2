// Judges mail by what its recipient called spam before. An account that has not learnt enough judges nothing, and
// costs nothing. It has a moment for each message: where the store takes longer, or fails, mail is taken as
// it is. What it says is a reason for Junk, never for refusing anything.

import { BoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { stackOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import type { Content } from '../../store/content.ts';
import type { SpamCounts, SpamStore } from '../../store/spam-store.ts';
import { spamScore } from './score.ts';
import { looksAtBytes, wordsOf } from './words.ts';

export interface SpamFilterSettings {
  readonly enabled: boolean;
  /** From this score on it is junk. */
  readonly junkAt: number;
  /** Messages of each kind that an account has to have learnt. */
  readonly lessons: number;
}

export interface SpamJudgement {
  readonly isJunk: boolean;
  /** For `why`. */
  readonly text: string;
}

/** By one recipient's account; undefined where nothing can be said. */
export type JudgeFor = (account: string) => Promise<SpamJudgement | undefined>;

export type JudgeResult = 'junk' | 'kept' | 'late' | 'failed';

export interface SpamFilterParts {
  readonly store: Pick<SpamStore, 'learnt' | 'counts'>;
  readonly settings: () => SpamFilterSettings;
  readonly clock: Clock;
  readonly log: Log;
  readonly count?: ((result: JudgeResult) => void) | undefined;
}

/** Limit: what all accounts of one message's recipients may take together. */
export const judgingMsMax = 50;
/** Limit: accounts of which is known how much they learnt. */
const accountsMax = 10_000;

export class SpamFilter {
  readonly #parts: SpamFilterParts;
  /** Promises, so that what is learnt while one is asked for is not missed. */
  readonly #learnt = new BoundedMap<string, Promise<SpamCounts>>(accountsMax);

  constructor(parts: SpamFilterParts) {
    this.#parts = parts;
  }

  /** For one message; its words are read once, and only if somebody judges by them. */
  judging(content: Pick<Content, 'bytes' | 'read'>): JudgeFor {
    let words: Promise<readonly string[]> | undefined;
    let leftMs = judgingMsMax;
    return async (account) => {
      const { settings, clock, log, count } = this.#parts;
      const { enabled, junkAt, lessons } = settings();
      if (!enabled) return undefined;
      const began = clock.now();
      const late = lateness(clock, leftMs);
      const work = async () => {
        const learnt = await this.#learntBy(account);
        if (learnt.spam < lessons || learnt.ham < lessons) return undefined;
        words ??= startOf(content, looksAtBytes).then(wordsOf);
        return { learnt, counts: await this.#parts.store.counts(account, await words) };
      };
      try {
        const found = leftMs > 0 ? await Promise.race([work(), late.promise]) : 'late';
        if (found === 'late') count?.('late');
        if (found === undefined || found === 'late') return undefined;
        const judgement = judgementOf(account, found, junkAt);
        count?.(judgement.isJunk ? 'junk' : 'kept');
        return judgement;
      } catch (error) {
        count?.('failed');
        log.warn('the spam filter failed', { account, error: stackOf(error) });
        return undefined;
      } finally {
        late.cancel();
        leftMs -= clock.now() - began;
      }
    };
  }

  /** It has learnt something. */
  forget(account: string): void {
    this.#learnt.delete(account);
  }

  #learntBy(account: string): Promise<SpamCounts> {
    const known = this.#learnt.get(account);
    if (known !== undefined) return known;
    const learnt = this.#parts.store.learnt(account);
    this.#learnt.set(account, learnt);
    learnt.catch(() => this.#learnt.delete(account));
    return learnt;
  }
}

/** The first octets of a message, and few more. */
export async function startOf(
  content: Pick<Content, 'bytes' | 'read'>,
  octets: number,
): Promise<Uint8Array> {
  if (content.bytes !== undefined) return content.bytes;
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of content.read()) {
    pieces.push(piece);
    length += piece.length;
    if (length >= octets) break;
  }
  return Buffer.concat(pieces);
}

interface Evidence {
  readonly learnt: SpamCounts;
  readonly counts: ReadonlyMap<string, SpamCounts>;
}

function judgementOf(account: string, { learnt, counts }: Evidence, junkAt: number): SpamJudgement {
  const { score, words } = spamScore(learnt, counts);
  // Rounded down: 0.95 is not said of what does not reach it.
  const said = `spam filter of ${account}: ${(Math.floor(score * 100) / 100).toFixed(2)}`;
  const text = words.length === 0 ? said : `${said} by ${words.join(', ')}`;
  return { isJunk: score >= junkAt, text };
}

function lateness(clock: Clock, ms: number) {
  const { promise, resolve } = Promise.withResolvers<'late'>();
  return { promise, cancel: clock.after(Math.max(0, ms), () => resolve('late')) };
}
