// What other nodes have counted: their points as records, added up, and of the minute that it is what each has told so
// far. Read when somebody looks, and no more often than things change.

import type { Clock } from '../base/clock.ts';
import { allRecords } from '../store/all-records.ts';
import type { RecordStore, StoredRecord } from '../store/record-store.ts';
import type { Led } from './leaders.ts';
import type { Tally } from './tally.ts';
import { addTally, emptyTally } from './tally.ts';

/** Of a record of a point. */
export interface KeptPoint extends Tally {
  /** Until then everything is in it, in milliseconds since 1970. */
  readonly through?: number | undefined;
  readonly top?: Readonly<Record<string, readonly Led[]>> | undefined;
}

export interface OtherPoints {
  readonly points: ReadonlyMap<number, Tally>;
  /** All points of each, by its number. */
  readonly ofNodes: ReadonlyMap<number, Tally>;
  /** Those that have leaders, by when they began. */
  readonly tops: readonly (readonly [at: number, top: NonNullable<KeptPoint['top']>])[];
}

export interface OtherNodesParts {
  readonly records: RecordStore;
  readonly clock: Clock;
  /** Of this one; 0 when it is alone. */
  readonly node: number;
}

export const statisticsKind = 'statistics';
/** What is told of a minute before it is over is told so often; so old may be what is shown of others. */
const tellMs = 5000;
/** A node that is gone is not of this minute any more. */
const toldMs = 180_000;

export class OtherNodes {
  readonly #parts: OtherNodesParts;
  readonly #known = new Map<
    string,
    { readonly at: number; readonly found: Promise<OtherPoints> }
  >();
  #cancel: (() => void) | undefined;

  constructor(parts: OtherNodesParts) {
    this.#parts = parts;
  }

  /** The key of a record of this node. */
  keyOf(scale: string, at: number): string {
    const { node } = this.#parts;
    const key = `${scale} ${new Date(at).toISOString()}`;
    return node === 0 ? key : `${key} ${node}`;
  }

  /** Points of that scale from then on. Never rejects: what cannot be read is left out. */
  points(scale: { readonly name: string; readonly stepMs: number }, from: number) {
    const { clock, node } = this.#parts;
    if (node === 0) return Promise.resolve(nothing);
    const key = `${scale.name} ${from}`;
    const known = this.#known.get(key);
    if (known !== undefined && clock.now() - known.at < tellMs) return known.found;
    for (const [old, { at }] of this.#known)
      if (clock.now() - at >= tellMs) this.#known.delete(old);
    const found = this.#read(scale, from).catch(() => nothing);
    this.#known.set(key, { at: clock.now(), found });
    return found;
  }

  /** The minute goes on: a moment later the others hear of it. */
  counted(minute: () => { readonly at: number; readonly tally: Tally }): void {
    const { clock, node, records } = this.#parts;
    if (node === 0) return;
    this.#cancel ??= clock.after(tellMs, () => {
      this.#cancel = undefined;
      const value = JSON.stringify(minute());
      const expires = clock.now() + toldMs;
      // They see the whole of it when it is over.
      records.put([{ kind: statisticsKind, key: `now ${node}`, value, expires }]).catch(() => {});
    });
  }

  stop(): void {
    this.#cancel?.();
  }

  async #read(
    { name, stepMs }: { readonly name: string; readonly stepMs: number },
    from: number,
  ): Promise<OtherPoints> {
    const points = new Map<number, Tally>();
    const tops: (readonly [number, NonNullable<KeptPoint['top']>])[] = [];
    /** By node: up to when its points have everything. */
    const through = new Map<string, number>();
    const ofNodes = new Map<number, Tally>();
    const add = (at: number, of: string, tally: Tally) => {
      addAt(points, at, tally);
      addAt(ofNodes, Number(of), tally);
    };
    // What a node tells of a minute is read first: its points may have it already, but never lack it.
    const told = await Array.fromAsync(this.#list('now '));
    for await (const { key, value } of this.#list(`${name} `, from)) {
      const [, time = '', of = ''] = key.split(' ');
      if (of === this.#own) continue;
      const { through: until, top, ...tally } = JSON.parse(value) as KeptPoint;
      const at = Date.parse(time);
      add(at, of, { ...emptyTally(), ...tally });
      if (until !== undefined) through.set(of, Math.max(until, through.get(of) ?? 0));
      if (top !== undefined) tops.push([at, top]);
    }
    for (const { key, value } of told) {
      const of = key.split(' ')[1] ?? '';
      const { at, tally } = JSON.parse(value) as { readonly at: number; readonly tally: Tally };
      if (of !== this.#own && at >= (through.get(of) ?? 0)) add(at - (at % stepMs), of, tally);
    }
    return { points, ofNodes, tops };
  }

  get #own(): string {
    return this.#parts.node === 0 ? '' : String(this.#parts.node);
  }

  #list(prefix: string, from?: number): AsyncIterable<StoredRecord> {
    const after = from === undefined ? undefined : prefix + new Date(from - 1).toISOString();
    return allRecords(this.#parts.records, statisticsKind, { prefix, after });
  }
}

function addAt(tallies: Map<number, Tally>, at: number, tally: Tally): void {
  const sum = tallies.get(at) ?? emptyTally();
  addTally(sum, tally);
  tallies.set(at, sum);
}

const nothing: OtherPoints = { points: new Map(), ofNodes: new Map(), tops: [] };
