// Who may have how many questions to the DNS under way. A name that is silent keeps its question until the time for it is
// over, and whoever sends mail chooses the names: strangers, each a client's network, share what there is so that
// nobody's silent names keep another waiting, and what we ask for ourselves (where mail goes, lists of clients) does
// not wait for any of theirs. A question that several ask for has its turn when one of them has.

import type { Clock } from '../base/clock.ts';
import { DnsBusy } from '../dns/resolver.ts';

/** Limit: questions on the network at once, each with a socket: a server's buffer takes as many datagrams. */
const openMax = 160;
/** Limit: how many of them are strangers', and how many are ours: some are left for the others always. */
const sideMax = 128;
/** Limit: those that wait for a turn, ours and theirs. */
const waitingMax = 10_000;
/** Limit: how long a stranger's waits; less than a client waits for a first answer (policy/senders/impatience.ts). */
const waitMs = 950;

/** As asker: ourselves. */
const ourselves = '';

/** One question, from its beginning to its answer: it has a turn for each thing that it asks servers. */
export class Turn {
  readonly askers: Set<string>;
  /** In whose share it is under way. */
  holder: string | undefined;
  waiting: PromiseWithResolvers<void> | undefined;
  cancelTimer: (() => void) | undefined;

  constructor(asker = ourselves) {
    this.askers = new Set([asker]);
  }
}

export class Turns {
  readonly #clock: Clock;
  #ours = 0;
  #strangers = 0;
  /** Strangers' questions under way, by asker. */
  readonly #held = new Map<string, number>();
  readonly #ourLine = new Set<Turn>();
  /** By asker; whoever had a turn goes to the end. */
  readonly #lines = new Map<string, Set<Turn>>();
  #strangersWaiting = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined when it has its turn now. @throws DnsBusy */
  take(turn: Turn): Promise<void> | undefined {
    for (const asker of turn.askers)
      if (this.#mayAsk(asker)) {
        this.#hold(turn, asker);
        return undefined;
      }
    const inLine = [...turn.askers].filter((asker) => this.#enter(turn, asker));
    if (inLine.length === 0) throw new DnsBusy();
    turn.waiting = Promise.withResolvers();
    this.#limitWaiting(turn);
    return turn.waiting.promise;
  }

  give(turn: Turn): void {
    const { holder } = turn;
    turn.holder = undefined;
    if (holder === undefined) return;
    if (holder === ourselves) this.#ours -= 1;
    else {
      this.#strangers -= 1;
      const held = (this.#held.get(holder) ?? 0) - 1;
      if (held > 0) this.#held.set(holder, held);
      else this.#held.delete(holder);
    }
    while (this.#startNext());
  }

  /** Somebody else wants to know the same: it need not wait for the turn of the first. */
  join(turn: Turn, asker = ourselves): void {
    if (turn.askers.has(asker)) return;
    turn.askers.add(asker);
    if (turn.waiting === undefined) return;
    if (this.#mayAsk(asker)) this.#start(turn, asker);
    else if (this.#enter(turn, asker)) this.#limitWaiting(turn);
  }

  /**
   * A stranger has at most as many as are left: half of all when alone, which serves a sender of much mail. So few who
   * ask for all that they can get leave room for others; where they are many, what becomes free is for who has none.
   */
  #mayAsk(asker: string): boolean {
    const left = openMax - this.#ours - this.#strangers;
    if (asker === ourselves) return this.#ours < sideMax && left > 0;
    const room = Math.min(sideMax - this.#strangers, left);
    return (this.#held.get(asker) ?? 0) < room;
  }

  #hold(turn: Turn, asker: string): void {
    turn.holder = asker;
    if (asker === ourselves) this.#ours += 1;
    else {
      this.#strangers += 1;
      this.#held.set(asker, (this.#held.get(asker) ?? 0) + 1);
    }
  }

  #startNext(): boolean {
    const [ours] = this.#ourLine;
    if (ours !== undefined && this.#mayAsk(ourselves)) {
      this.#start(ours, ourselves);
      return true;
    }
    if (this.#strangers >= sideMax) return false;
    // Those that are passed over have questions under way, so they are few.
    for (const [asker, line] of this.#lines) {
      const [next] = line;
      if (next === undefined || !this.#mayAsk(asker)) continue;
      this.#start(next, asker);
      if (this.#lines.delete(asker) && line.size > 0) this.#lines.set(asker, line);
      return true;
    }
    return false;
  }

  #start(turn: Turn, asker: string): void {
    const { waiting } = turn;
    this.#leave(turn);
    this.#hold(turn, asker);
    waiting?.resolve();
  }

  /** Whether there is room in line: the same rule as for those under way. */
  #enter(turn: Turn, asker: string): boolean {
    if (asker === ourselves) {
      if (this.#ourLine.size >= waitingMax) return false;
      this.#ourLine.add(turn);
      return true;
    }
    const line = this.#lines.get(asker) ?? new Set();
    if (line.size >= waitingMax - this.#strangersWaiting) return false;
    line.add(turn);
    this.#lines.set(asker, line);
    this.#strangersWaiting += 1;
    return true;
  }

  #leave(turn: Turn): void {
    turn.cancelTimer?.();
    turn.cancelTimer = undefined;
    turn.waiting = undefined;
    this.#ourLine.delete(turn);
    for (const asker of turn.askers) {
      const line = this.#lines.get(asker);
      if (line?.delete(turn) !== true) continue;
      this.#strangersWaiting -= 1;
      if (line.size === 0) this.#lines.delete(asker);
    }
  }

  #limitWaiting(turn: Turn): void {
    turn.cancelTimer?.();
    turn.cancelTimer = undefined;
    if (this.#ourLine.has(turn)) return;
    turn.cancelTimer = this.#clock.after(waitMs, () => {
      const { waiting } = turn;
      this.#leave(turn);
      waiting?.reject(new DnsBusy());
    });
  }
}
