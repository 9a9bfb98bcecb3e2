// What each of several nodes knows of destinations, told to the others every few seconds: how its last attempt went, what
// came of TLS, what is under way. Nothing is decided by it: it is shown.

import type { Clock } from '../base/clock.ts';
import type { DestinationAtNode, DestinationFacts } from '../queue/line/destination-facts.ts';
import { nodesMax } from '../store/nodes.ts';
import type { RecordStore } from '../store/record-store.ts';

/** Of one node. */
export type Seen = Pick<DestinationFacts, 'active' | 'window' | 'deadUntil' | 'last' | 'security'>;

interface Told extends Seen {
  /** When it was so, in milliseconds since 1970. */
  readonly at: number;
}

export interface DestinationNewsParts {
  readonly records: Pick<RecordStore, 'put' | 'list'>;
  readonly clock: Clock;
  /** Of this one; 0 when it is alone. */
  readonly node: number;
  readonly seen: (destinations: readonly string[]) => readonly Seen[];
  /** Where something is under way. */
  readonly active: () => readonly string[];
}

const kind = 'destination-seen';
const tellMs = 5000;
/** What is under way was so lately, or that node is gone. */
const freshMs = 15_000;
const keptMs = 86_400_000;
/** Limit: destinations that are told of at a time, the last that changed. */
const toldMax = 500;

export class DestinationNews {
  readonly #parts: DestinationNewsParts;
  #changed = new Set<string>();
  /** Others have been told that something is under way there. */
  #told = new Set<string>();
  #cancel: (() => void) | undefined;
  #isStopped = false;

  constructor(parts: DestinationNewsParts) {
    this.#parts = parts;
  }

  changed(destination: string): void {
    if (this.#parts.node === 0) return;
    this.#changed.delete(destination);
    this.#changed.add(destination);
    if (this.#changed.size > toldMax)
      for (const oldest of this.#changed.values()) {
        this.#changed.delete(oldest);
        break;
      }
    this.#later();
  }

  /** With what others know. Never rejects. */
  async completed<Known extends Seen & Pick<DestinationFacts, 'destination' | 'ofNodes'>>(
    known: Known,
  ): Promise<Known> {
    const { records, node, clock } = this.#parts;
    if (node === 0) return known;
    const prefix = keyOf(known.destination, '');
    const found = await records.list(kind, { prefix, limit: nodesMax }).catch(() => []);
    const others = found.filter(({ key }) => key !== keyOf(known.destination, node));
    const now = clock.now();
    let sum: Seen = known;
    const ofNodes = [atNode(node, known)];
    for (const { key, value } of others) {
      const one = inForce(JSON.parse(value) as Told, now);
      sum = added(sum, one);
      ofNodes.push(atNode(Number(key.slice(prefix.length)), one));
    }
    const told = ofNodes.filter(saysSomething).sort((a, b) => a.number - b.number);
    return { ...known, ...sum, ofNodes: told };
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  #later(): void {
    if (this.#isStopped) return;
    this.#cancel ??= this.#parts.clock.after(tellMs, () => {
      this.#cancel = undefined;
      void this.#tell();
    });
  }

  /** Never rejects: what is not told now is told with the next change. */
  async #tell(): Promise<void> {
    const { records, clock, node, seen, active } = this.#parts;
    const goesOn = active().slice(0, toldMax);
    const all = [...new Set([...this.#changed, ...goesOn, ...this.#told])];
    this.#changed = new Set();
    this.#told = new Set(goesOn);
    const at = clock.now();
    const facts = seen(all);
    const news = all.map((destination, i) => ({
      ...{ kind, key: keyOf(destination, node), expires: at + keptMs },
      value: JSON.stringify({ ...facts[i]!, at } satisfies Told),
    }));
    await records.put(news).catch(() => {});
    if (goesOn.length > 0) this.#later();
  }
}

const keyOf = (destination: string, node: number | ''): string => `${destination}\n${node}`;

/** What was under way a while ago is not known any more; who was dead until then is not. */
function inForce({ at, ...told }: Told, now: number): Seen {
  const isFresh = now - at < freshMs;
  return {
    ...told,
    ...{ active: isFresh ? told.active : 0, window: isFresh ? told.window : undefined },
    deadUntil: told.deadUntil !== undefined && told.deadUntil > now ? told.deadUntil : undefined,
  };
}

const added = (sum: Seen, told: Seen): Seen => ({
  active: sum.active + told.active,
  window: told.window === undefined ? sum.window : (sum.window ?? 0) + told.window,
  deadUntil: Math.max(sum.deadUntil ?? 0, told.deadUntil ?? 0) || undefined,
  last: latest(sum.last, told.last),
  security: latest(sum.security, told.security),
});

const atNode = (number: number, { active, window, deadUntil }: Seen): DestinationAtNode => ({
  ...{ number, active, window, deadUntil },
});

const saysSomething = ({ active, deadUntil }: DestinationAtNode): boolean =>
  active > 0 || deadUntil !== undefined;

const latest = <One extends { readonly at: number }>(
  a: One | undefined,
  b: One | undefined,
): One | undefined => (a === undefined || (b !== undefined && b.at > a.at) ? b : a);
