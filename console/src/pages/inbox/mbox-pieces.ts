// A file of mail in pieces of about a megabyte, cut where a message of an mbox begins: a line `From ` behind an empty one. The
// server takes them apart; a file that is no mbox is one message, and one piece.

/** Sought for before a piece is sent. */
const pieceBytes = 2 ** 20;
/** Limit: one message. The server has one of its own. */
export const messageBytesMax = 28 * 2 ** 20;

const separator = new TextEncoder().encode('From ');
const lf = 0x0a;
const cr = 0x0d;

/** @throws Error for a message that is too large */
export async function* pieces(
  file: Pick<File, 'stream' | 'name'>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = file.stream().getReader();
  let held: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (value !== undefined) {
      held.push(value as Uint8Array<ArrayBuffer>);
      size += value.length;
    }
    if (done) {
      if (size > 0) yield joined(held, size);
      return;
    }
    if (size < pieceBytes) continue;
    const all = joined(held, size);
    const cut = isMbox(all) ? lastBeginning(all) : 0;
    if (cut > 0) yield all.slice(0, cut);
    held = [all.slice(cut)];
    size = all.length - cut;
    if (size > messageBytesMax) {
      await reader.cancel();
      throw new Error(`${file.name}: a message in it is larger than 28 MB`);
    }
  }
}

function joined(list: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(size);
  let at = 0;
  for (const one of list) {
    all.set(one, at);
    at += one.length;
  }
  return all;
}

const isSeparator = (all: Uint8Array, at: number): boolean =>
  separator.every((octet, i) => all[at + i] === octet);

const isMbox = (all: Uint8Array): boolean => isSeparator(all, 0);

/** Of the last message whose beginning is there; 0 without one. */
function lastBeginning(all: Uint8Array): number {
  for (let at = all.length - separator.length; at > 1; at -= 1) {
    if (all[at - 1] !== lf || !isSeparator(all, at)) continue;
    if (all[at - 2] === lf || (all[at - 2] === cr && all[at - 3] === lf)) return at;
  }
  return 0;
}
