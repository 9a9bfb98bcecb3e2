// THREAD: RFC 5256 §3. Pure functions over what is known of each message, in the order of the mailbox.
// Nothing here is recursive, and hostile References make no loops and no endless work.

/** What THREAD looks at; text as it is compared. */
export interface ThreadRow {
  readonly uid: number;
  /** RFC 5256 §2.2, in milliseconds. */
  readonly sent: number;
  /** RFC 5256 §2.1: base subject. */
  readonly subject: string;
  readonly isReply: boolean;
  /** '' for none. */
  readonly messageId: string;
  readonly references: readonly string[];
}

export interface ThreadNode {
  /** Undefined: a message that is not here, whose answers are. Only at the top. */
  readonly uid: number | undefined;
  readonly children: readonly ThreadNode[];
}

/** RFC 5256 §3: "poor man's threading". */
export function threadBySubject(rows: readonly ThreadRow[]): ThreadNode[] {
  const threads = Map.groupBy(rows.toSorted(bySent), (row) => row.subject);
  // Messages come by date, so that threads come in the order of their first message.
  return [...threads.values()].map(([first, ...others]) => ({
    uid: first!.uid,
    children: others.map(({ uid }) => ({ uid, children: [] })),
  }));
}

const bySent = (one: ThreadRow, other: ThreadRow): number => one.sent - other.sent;

/** One response's text behind `THREAD`, with a space in front of what there is. */
export function formatThreads(
  threads: readonly ThreadNode[],
  numberOf: (uid: number) => number = (uid) => uid,
): string {
  if (threads.length === 0) return '';
  const text: string[] = [' '];
  const todo: (ThreadNode | ')')[] = threads.toReversed();
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (next === ')') {
      text.push(')');
      continue;
    }
    text.push('(');
    const last = writeChain(next, text, numberOf);
    todo.push(')');
    for (const child of last.children.toReversed()) todo.push(child);
  }
  return text.join('');
}

/** RFC 5256 §4: parent and only child follow each other; the last one's children are siblings. */
function writeChain(
  first: ThreadNode,
  text: string[],
  numberOf: (uid: number) => number,
): ThreadNode {
  let node = first;
  let empty = true;
  for (;;) {
    if (node.uid !== undefined) {
      text.push(empty ? String(numberOf(node.uid)) : ` ${numberOf(node.uid)}`);
      empty = false;
    }
    if (node.children.length !== 1) break;
    node = node.children[0]!;
  }
  if (node.children.length > 0 && !empty) text.push(' ');
  return node;
}
