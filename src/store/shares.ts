// What is divided among nodes: of a limit each has a whole number, and all together have the limit. Whose the rest is
// depends on what it is of, so that no node has all of the rests.

/** Each number once, in ascending order: sessions of nodes. */
export type Members = readonly number[];

/** Of `limit` for this key, what that node has; 0 when it is none of them. */
export function shareOf(
  members: Members,
  node: number,
  { key, limit }: { readonly key: string; readonly limit: number },
): number {
  const index = members.indexOf(node);
  if (index === -1) return 0;
  const count = members.length;
  if (count === 1) return limit;
  const rank = (index + hash(key)) % count;
  return Math.floor(limit / count) + (rank < limit % count ? 1 : 0);
}

/** FNV-1a, 32 bits: every node has to come to the same. http://www.isthe.com/chongo/tech/comp/fnv/ */
function hash(text: string): number {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1)
    sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return sum;
}

const textOf = (members: Members): string => members.join(' ');

/** What another node says of itself. */
export interface OtherNode {
  readonly session: number;
  /** Which nodes it divides among, as its `Division` says it; undefined of a version that does not divide. */
  readonly members: string | undefined;
  /** Where it has more under way than is its part. */
  readonly exceeding: readonly string[];
}

/**
 * A node's part while nodes come and go. Whoever hears of other members takes the least of what it had and what it
 * will have, until all of them, itself included, have said that they have heard; so nobody ever has more than what it
 * said last allows, and all together never have more than the limit.
 */
export class Division {
  /** Those that may still be believed by somebody, and last those that are. */
  #believed: readonly Members[] = [];
  #exceeding = new Set<string>();
  #said: string | undefined;

  /** Those that are there, as far as this node knows. */
  get members(): Members {
    return this.#believed.at(-1) ?? [];
  }

  /** For the others, who go by it until this is said again. */
  say(): string {
    this.#said = textOf(this.members);
    return this.#said;
  }

  /** @returns whether anything is another now. */
  heard(node: number, others: readonly OtherNode[]): boolean {
    const before = JSON.stringify([this.#believed, ...this.#exceeding]);
    const sessions = [node, ...others.map(({ session }) => session)];
    const members = sessions.sort((a, b) => a - b);
    const text = textOf(members);
    if (text !== textOf(this.members) || this.#believed.length === 0)
      // Who comes has had nothing before.
      this.#believed = [...(this.#believed.length === 0 ? [[]] : this.#believed), members];
    const isAgreed = others.every((other) => other.members === undefined || other.members === text);
    if (isAgreed && (others.length === 0 || this.#said === text)) this.#believed = [members];
    this.#exceeding = new Set(others.flatMap(({ exceeding }) => exceeding));
    return before !== JSON.stringify([this.#believed, ...this.#exceeding]);
  }

  /** Nobody is sure of this node any more: it begins anew, as one that comes. */
  forget(): void {
    this.#believed = [];
    this.#exceeding.clear();
    this.#said = undefined;
  }

  of(node: number, key: string, limit: number): number {
    return this.#exceeding.has(key) ? 0 : this.partOf(node, key, limit);
  }

  /** The same, whatever others have under way. */
  partOf(node: number, key: string, limit: number): number {
    if (this.#believed.length === 0) return 0;
    return Math.min(...this.#believed.map((members) => shareOf(members, node, { key, limit })));
  }
}
