// What was sent to several nodes, what was answered with 250, what arrived from whom, and who was killed when: enough to
// say of each message that came twice whether it was in flight at a kill.

import assert from 'node:assert/strict';

export interface Tally {
  readonly sent: number;
  readonly accepted: number;
  /** Neither 250 nor a refusal came: the connection was cut. */
  readonly unanswered: number;
  readonly refused: number;
  readonly arrived: number;
  readonly stored: number;
  readonly lost: readonly string[];
  /** Arrived more than once, or is in a mailbox more than once. */
  readonly twice: number;
  /** Of these, what nobody was killed for. */
  readonly inexcusable: readonly string[];
  /** The longest between an arrival too many and what was done to its node, before or after it, in milliseconds. */
  readonly inFlightMs: number;
  /** The longest from a 250 to the arrival, in milliseconds. */
  readonly slowestMs: number;
  /** The longest in which nobody was given a 250, in milliseconds. */
  readonly silentMs: number;
}

interface Fate {
  readonly local: boolean;
  acceptedAt: number | undefined;
  answered: boolean;
  readonly arrivals: { readonly from: string; readonly at: number }[];
  stored: number;
}

/** What had not been written down for so long was not in flight any more, whatever the machine is busy with. */
const inFlightMsMax = 5_000;

export class Ledger {
  readonly #fates = new Map<string, Fate>();
  readonly #kills: { readonly node: string; readonly at: number }[] = [];
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** A new message, for a mailbox here or for the next hop; its name. */
  begin(local: boolean): string {
    const id = `m${this.#fates.size}`;
    this.#fates.set(id, {
      ...{ local, acceptedAt: undefined, answered: false, arrivals: [], stored: 0 },
    });
    return id;
  }

  answered(id: string, reply: string): void {
    const fate = this.#fates.get(id)!;
    fate.answered = true;
    if (reply.startsWith('250')) fate.acceptedAt = this.#now();
  }

  arrived(id: string, from: string): void {
    this.#fates.get(id)?.arrivals.push({ from, at: this.#now() });
  }

  stored(id: string): void {
    const fate = this.#fates.get(id);
    if (fate !== undefined) fate.stored += 1;
  }

  forgetStored(): void {
    for (const fate of this.#fates.values()) fate.stored = 0;
  }

  /** Its process ended, or was frozen or cut off; or others took it for dead `agoMs` ago. */
  killed(node: string, agoMs = 0): void {
    this.#kills.push({ node, at: this.#now() - agoMs });
  }

  /** What happened to a message, for whoever has to understand a failure. */
  storyOf(id: string): string {
    const { acceptedAt, arrivals, stored } = this.#fates.get(id)!;
    const events = [
      ...(acceptedAt === undefined ? [] : [{ at: acceptedAt, text: '250' }]),
      ...arrivals.map(({ from, at }) => ({ at, text: `arrived from ${from}` })),
      ...this.#kills.map(({ node, at }) => ({ at, text: `${node} killed` })),
    ].toSorted((a, b) => a.at - b.at);
    return `${id}, ${stored} stored: ${events.map(({ at, text }) => `${Math.round(at)} ${text}`).join(', ')}`;
  }

  get kills(): number {
    return this.#kills.length;
  }

  get accepted(): number {
    return [...this.#fates.values()].filter(({ acceptedAt }) => acceptedAt !== undefined).length;
  }

  /** Accepted for the next hop, and not arrived there. */
  get missing(): readonly string[] {
    return this.#lost().filter((id) => !this.#fates.get(id)!.local);
  }

  tally(): Tally {
    const fates = [...this.#fates];
    const all = fates.map(([, fate]) => fate);
    const twice = fates.filter(([, { arrivals, stored }]) => arrivals.length > 1 || stored > 1);
    const excuses = new Map(twice.map(([id, fate]) => [id, this.#inFlight(fate)]));
    return {
      sent: all.length,
      accepted: this.accepted,
      unanswered: all.filter(({ answered }) => !answered).length,
      refused: all.filter(({ answered, acceptedAt }) => answered && acceptedAt === undefined)
        .length,
      arrived: all.reduce((sum, { arrivals }) => sum + arrivals.length, 0),
      stored: all.reduce((sum, { stored }) => sum + stored, 0),
      lost: this.#lost(),
      twice: twice.length,
      inexcusable: [...excuses].flatMap(([id, ms]) => (ms === undefined ? [id] : [])),
      inFlightMs: Math.round(Math.max(0, ...[...excuses.values()].map((ms) => ms ?? 0))),
      slowestMs: Math.round(Math.max(0, ...all.map(waitOf))),
      silentMs: Math.round(longestGap(all.flatMap(({ acceptedAt }) => acceptedAt ?? []))),
    };
  }

  #lost(): readonly string[] {
    return [...this.#fates].flatMap(([id, { acceptedAt, arrivals, stored }]) =>
      acceptedAt !== undefined && arrivals.length + stored === 0 ? [id] : [],
    );
  }

  /**
   * How far from a kill of its node each arrival was but one, for one has to be; undefined: not in flight at it. What
   * stood still may arrive last, from a node that did not know yet that others had taken it.
   */
  #inFlight({ arrivals, stored }: Fate): number | undefined {
    // A delivery here and its record are one transaction: no kill excuses two.
    if (stored > 1) return undefined;
    // What had left the process is read after its end, too.
    const distances = arrivals.map(({ from, at }) =>
      Math.min(
        ...this.#kills.map((kill) =>
          kill.node === from ? Math.abs(kill.at - at) : Number.POSITIVE_INFINITY,
        ),
      ),
    );
    const farthest = distances.toSorted((a, b) => a - b).at(-2) ?? 0;
    return farthest < inFlightMsMax ? farthest : undefined;
  }
}

const waitOf = ({ acceptedAt, arrivals: [first] }: Fate): number =>
  acceptedAt === undefined || first === undefined ? 0 : first.at - acceptedAt;

function longestGap(moments: readonly number[]): number {
  const sorted = moments.toSorted((a, b) => a - b);
  return sorted.reduce((gap, at, i) => Math.max(gap, at - (sorted[i - 1] ?? at)), 0);
}

/** @throws AssertionError */
export function assertKept({ lost, inexcusable }: Tally): void {
  assert.deepEqual(lost, [], 'answered with 250, and nowhere');
  assert.deepEqual(inexcusable, [], 'twice, and not in flight when its node was killed');
}
