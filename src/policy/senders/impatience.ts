// Questions to the DNS while a client waits for its reply: all of them end when the time for them is over, each as one
// that got no answer; and soon where the DNS was silent before.

import type { Clock } from '../../base/clock.ts';
import type { Resolver } from '../../dns/resolver.ts';
import { DnsError } from '../../dns/resolver.ts';

/**
 * Limit: what all questions to the DNS may take together. RFC 7208 §4.6.4 allows 20 s; here a client waits for
 * its reply, and a temperror costs nobody his mail.
 */
const patienceMs = 8_000;
/**
 * How soon one of them must have been answered, or the DNS is taken for silent; and once it is. Whoever has only silent
 * names of his own can make that so, and then nobody's DMARC is to be lost that takes as long as answers from afar do.
 */
const firstAnswerMs = 2_000;
const firstAnswerWhenSilentMs = 1_000;
/** For how long it is taken for that, unless it answers. */
const silentMs = 60_000;

export class Impatience {
  readonly #resolver: Resolver;
  readonly #clock: Clock;
  /** The DNS was silent at all questions of a client; until when little is expected of it. */
  #silentUntil = 0;

  constructor(resolver: Resolver, clock: Clock) {
    this.#resolver = resolver;
    this.#clock = clock;
  }

  /** For the questions of one client, whose time runs from now on, until end(). */
  begin(): Resolver & { end(): void } {
    const clock = this.#clock;
    const firstMs = clock.now() < this.#silentUntil ? firstAnswerWhenSilentMs : firstAnswerMs;
    const waiting = new Set<(error: DnsError) => void>();
    let isHeard = false;
    let isOver = false;
    const giveUp = () => {
      isOver = true;
      for (const end of waiting) end(noAnswer());
    };
    let cancel = clock.after(firstMs, () => {
      if (isHeard) {
        cancel = clock.after(patienceMs - firstMs, giveUp);
        return;
      }
      this.#silentUntil = clock.now() + silentMs;
      giveUp();
    });
    return {
      resolve: (...question) =>
        new Promise((resolve, reject) => {
          if (isOver) throw noAnswer();
          waiting.add(reject);
          this.#resolver.resolve(...question).then(
            (answer) => {
              isHeard = true;
              this.#silentUntil = 0;
              waiting.delete(reject);
              resolve(answer);
            },
            (error: unknown) => {
              waiting.delete(reject);
              reject(error);
            },
          );
        }),
      end: () => cancel(),
    };
  }
}

/** Limit: questions at once about what a message names itself. Honest ones seldom have more. */
const ofMessageMax = 4;

/**
 * The same, with so many questions at once and no more: whoever names many hosts that are silent must not keep others
 * from asking. What is asked about the author's domain does not wait for those.
 */
export function fewAtOnce(resolver: Resolver, max = ofMessageMax): Resolver {
  let open = 0;
  const waiting: (() => void)[] = [];
  return {
    async resolve(...question) {
      if (open >= max)
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
        });
      else open += 1;
      try {
        return await resolver.resolve(...question);
      } finally {
        const next = waiting.shift();
        if (next === undefined) open -= 1;
        else next();
      }
    },
  };
}

const noAnswer = (): DnsError => new DnsError('no answer in time');
