// Who or what comes most often: names and how often, bounded, the rarest forgotten first.

export interface Led {
  readonly name: string;
  readonly count: number;
}

/** Limit: names that are counted at a time, and those that are kept when there are too many. */
const namesMax = 2000;
const namesKept = 500;

export class Leaders {
  #counts = new Map<string, number>();

  add(name: string, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
    if (this.#counts.size > namesMax) this.#counts = new Map(sorted(this.#counts, namesKept));
  }

  top(limit: number): readonly Led[] {
    return sorted(this.#counts, limit).map(([name, count]) => ({ name, count }));
  }
}

const sorted = (counts: ReadonlyMap<string, number>, limit: number): [string, number][] =>
  [...counts].sort(([, a], [, b]) => b - a).slice(0, limit);

/** Replies that differ in numbers and names only are one: ids and addresses are in most of them. */
export const likeness = (reply: string): string =>
  reply
    .slice(0, 200)
    .replace(/<[^>]*>|[\w.+-]+@[\w.-]+/g, '…')
    .replace(/(?<=^.{9,})\b(?=\w*\d)\w{4,}\b/g, '…');
