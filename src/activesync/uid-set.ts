// Which messages of a folder a device has: UIDs as ranges, since they come in a row. As text it is short: the length of
// each range and the gap before it, in base 36. Adding and removing cost a search.

export class UidSet {
  /** First and last of each range, ascending, with a gap between any two. */
  readonly #bounds: number[];
  #size: number;

  private constructor(bounds: number[], size: number) {
    this.#bounds = bounds;
    this.#size = size;
  }

  static empty(): UidSet {
    return new UidSet([], 0);
  }

  /** In any order. */
  static of(uids: Iterable<number>): UidSet {
    const set = UidSet.empty();
    for (const uid of Array.from(uids).sort((one, other) => one - other)) set.add(uid);
    return set;
  }

  /** @throws RangeError for what `toString` never writes. */
  static parse(text: string): UidSet {
    const bounds: number[] = [];
    let size = 0;
    let last = 0;
    if (text !== '')
      for (const range of text.split(' ')) {
        const [gap, more = '0'] = range.split('+');
        const first = last + Number.parseInt(gap!, 36);
        last = first + Number.parseInt(more, 36);
        if (!(first > 0 && last >= first)) throw new RangeError('no set of UIDs');
        bounds.push(first, last);
        size += last - first + 1;
      }
    return new UidSet(bounds, size);
  }

  get size(): number {
    return this.#size;
  }

  copy(): UidSet {
    return new UidSet([...this.#bounds], this.#size);
  }

  /** All of both. Costs the ranges of both. */
  with(other: UidSet): UidSet {
    return this.#merged(other, (mine, theirs) => mine || theirs);
  }

  /** What the other one does not have. */
  without(other: UidSet): UidSet {
    return this.#merged(other, (mine, theirs) => mine && !theirs);
  }

  /** Where either begins or ends, what is in either is looked at. */
  #merged(other: UidSet, wanted: (mine: boolean, theirs: boolean) => boolean): UidSet {
    const [mine, theirs] = [this.#bounds, other.#bounds];
    const bounds: number[] = [];
    let size = 0;
    let [i, j] = [0, 0];
    let isIn = false;
    // Even bounds are firsts; odd ones are lasts, behind which the next number is out.
    while (i < mine.length || j < theirs.length) {
      const here = i < mine.length ? mine[i]! + (i & 1) : Number.POSITIVE_INFINITY;
      const there = j < theirs.length ? theirs[j]! + (j & 1) : Number.POSITIVE_INFINITY;
      const at = Math.min(here, there);
      if (here === at) i += 1;
      if (there === at) j += 1;
      const isNow = wanted((i & 1) === 1, (j & 1) === 1);
      if (isNow === isIn) continue;
      isIn = isNow;
      if (isNow) bounds.push(at);
      else {
        size += at - bounds.at(-1)!;
        bounds.push(at - 1);
      }
    }
    return new UidSet(bounds, size);
  }

  has(uid: number): boolean {
    const at = this.#at(uid);
    return at < this.#bounds.length && this.#bounds[at]! <= uid;
  }

  add(uid: number): void {
    const bounds = this.#bounds;
    const at = this.#at(uid);
    if (at < bounds.length && bounds[at]! <= uid) return;
    this.#size += 1;
    const joinsBefore = at > 0 && bounds[at - 1] === uid - 1;
    const joinsBehind = at < bounds.length && bounds[at] === uid + 1;
    if (joinsBefore && joinsBehind) bounds.splice(at - 1, 2);
    else if (joinsBefore) bounds[at - 1] = uid;
    else if (joinsBehind) bounds[at] = uid;
    else bounds.splice(at, 0, uid, uid);
  }

  delete(uid: number): void {
    const bounds = this.#bounds;
    const at = this.#at(uid);
    const [first, last] = [bounds[at], bounds[at + 1]];
    if (first === undefined || last === undefined || first > uid) return;
    this.#size -= 1;
    if (first === last) bounds.splice(at, 2);
    else if (first === uid) bounds[at] = uid + 1;
    else if (last === uid) bounds[at + 1] = uid - 1;
    else bounds.splice(at + 1, 0, uid - 1, uid + 1);
  }

  /** Ascending. */
  *[Symbol.iterator](): Generator<number> {
    for (let i = 0; i < this.#bounds.length; i += 2)
      for (let uid = this.#bounds[i]!; uid <= this.#bounds[i + 1]!; uid += 1) yield uid;
  }

  toString(): string {
    const ranges: string[] = [];
    let before = 0;
    for (let i = 0; i < this.#bounds.length; i += 2) {
      const [first, last] = [this.#bounds[i]!, this.#bounds[i + 1]!];
      const gap = (first - before).toString(36);
      ranges.push(first === last ? gap : `${gap}+${(last - first).toString(36)}`);
      before = last;
    }
    return ranges.join(' ');
  }

  /** The index of the first range that does not end before `uid`. */
  #at(uid: number): number {
    let low = 0;
    let high = this.#bounds.length / 2;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#bounds[2 * middle + 1]! < uid) low = middle + 1;
      else high = middle;
    }
    return 2 * low;
  }
}
