// THREAD=REFERENCES: RFC 5256 §3, in its six steps. Messages and the dummies that stand for messages
// that are not here are numbers: rows first, in the order of the mailbox, then dummies.

import { ReferenceLinks } from './reference-links.ts';
import type { ThreadNode, ThreadRow } from './thread.ts';

export function threadByReferences(rows: readonly ThreadRow[]): ThreadNode[] {
  const forest = prune(new ReferenceLinks(rows), rows);
  mergeBySubject(forest);
  return forest.nodes();
}

/** Step 3: dummies go, and what hung on them moves up, apart from the top. */
function prune(links: ReferenceLinks, rows: readonly ThreadRow[]): Forest {
  const anchors = anchorsOf(links, rows.length);
  const forest = new Forest(rows, links.size);
  for (let i = 0; i < rows.length; i += 1) {
    const parent = links.parentOf(i);
    if (parent < 0) forest.addRoot(i);
    else forest.addChild(anchors[parent]!, i);
  }
  for (let dummy = rows.length; dummy < links.size; dummy += 1) {
    const children = forest.childrenOf(dummy);
    // RFC 5256 §3 (3): a dummy with one child gives its place to it even at the top.
    if (children.length === 1) forest.addRoot(children[0]!);
    else if (children.length > 1) forest.addRoot(dummy);
  }
  return forest;
}

/** For each message or dummy: itself or the nearest message above, else the dummy at the top. */
function anchorsOf(links: ReferenceLinks, messages: number): Int32Array {
  const anchors = new Int32Array(links.size).fill(-1);
  const path: number[] = [];
  for (let i = 0; i < links.size; i += 1) {
    let at = i;
    while (at >= messages && anchors[at]! < 0 && links.parentOf(at) >= 0) {
      path.push(at);
      at = links.parentOf(at);
    }
    const anchor = at < messages || anchors[at]! < 0 ? at : anchors[at]!;
    anchors[at] = anchor;
    for (const passed of path) anchors[passed] = anchor;
    path.length = 0;
  }
  return anchors;
}

class Forest {
  readonly #rows: readonly ThreadRow[];
  readonly #children: (number[] | undefined)[];
  #roots: number[] = [];

  constructor(rows: readonly ThreadRow[], size: number) {
    this.#rows = rows;
    this.#children = new Array<number[] | undefined>(size).fill(undefined);
  }

  addRoot(index: number): void {
    this.#roots.push(index);
  }

  addChild(parent: number, child: number): void {
    const children = this.#children[parent];
    if (children === undefined) this.#children[parent] = [child];
    else children.push(child);
  }

  /** A new dummy over both. */
  addDummy(...children: number[]): number {
    return this.#children.push(children) - 1;
  }

  childrenOf(index: number): readonly number[] {
    return this.#children[index] ?? [];
  }

  /** Those of `from` become siblings of those of `to`. */
  moveChildren(from: number, to: number): void {
    for (const child of this.childrenOf(from)) this.addChild(to, child);
    this.#children[from] = undefined;
  }

  isDummy(index: number): boolean {
    return index >= this.#rows.length;
  }

  /** The message itself, or the first child of a dummy, whose children are sorted by now. */
  #shown(index: number): ThreadRow {
    return this.#rows[this.isDummy(index) ? this.childrenOf(index)[0]! : index]!;
  }

  subjectOf(index: number): string {
    return this.#shown(index).subject;
  }

  isReply(index: number): boolean {
    return this.#rows[index]?.isReply ?? false;
  }

  /** Steps 4 and 6: siblings by sent date, then by their place in the mailbox. */
  sort(): void {
    const bySent = (one: number, other: number): number =>
      this.#rows[one]!.sent - this.#rows[other]!.sent || one - other;
    for (const children of this.#children) children?.sort(bySent);
    const placeOf = (index: number): number =>
      this.isDummy(index) ? this.childrenOf(index)[0]! : index;
    this.#roots.sort((one, other) => bySent(placeOf(one), placeOf(other)));
  }

  get roots(): readonly number[] {
    return this.#roots;
  }

  keepRoots(roots: readonly number[]): void {
    this.#roots = [...roots];
  }

  nodes(): ThreadNode[] {
    const lists = this.#children.map((): ThreadNode[] => []);
    const nodeOf = (index: number): ThreadNode => ({
      uid: this.#rows[index]?.uid,
      children: lists[index]!,
    });
    for (const [index, list] of lists.entries()) {
      for (const child of this.childrenOf(index)) list.push(nodeOf(child));
    }
    return this.#roots.map(nodeOf);
  }
}

/** Steps 4 to 6. */
function mergeBySubject(forest: Forest): void {
  forest.sort();
  const table = subjectTable(forest);
  const kept = new Set(forest.roots);
  for (const current of forest.roots) {
    const subject = forest.subjectOf(current);
    const first = table.get(subject);
    if (first === undefined || first === current || !kept.has(current)) continue;
    kept.delete(current);
    if (forest.isDummy(first)) {
      if (forest.isDummy(current)) forest.moveChildren(current, first);
      else forest.addChild(first, current);
    } else if (forest.isReply(current) && !forest.isReply(first)) {
      forest.addChild(first, current);
    } else {
      const dummy = forest.addDummy(first, current);
      kept.delete(first);
      kept.add(dummy);
      table.set(subject, dummy);
    }
  }
  forest.keepRoots([...kept]);
  forest.sort();
}

/** RFC 5256 §3 (5) (B): for each subject the thread that the others join. */
function subjectTable(forest: Forest): Map<string, number> {
  const table = new Map<string, number>();
  for (const current of forest.roots) {
    const subject = forest.subjectOf(current);
    if (subject === '') continue;
    const known = table.get(subject);
    const better =
      known === undefined ||
      (!forest.isDummy(known) &&
        (forest.isDummy(current) || (forest.isReply(known) && !forest.isReply(current))));
    if (better) table.set(subject, current);
  }
  return table;
}
