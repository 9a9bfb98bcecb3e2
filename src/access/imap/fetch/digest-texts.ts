// What FETCH says of digests (ENVELOPE, BODYSTRUCTURE, BODY, PREVIEW), made once for everybody who lists a
// folder: a person's programs ask for the same messages one after the other, and a page of webmail asks for
// them again with each click. What a UID of a folder stands for never changes, so nothing has to be told of
// changes, and what stands in for it is not kept; folders that were not listed for longest are forgotten first. RFC 9051 §7.5.2, RFC 8970.

import { unreachable } from '../../../base/assert.ts';
import { formatBody, formatBodyStructure } from '../../../imap/body-structure.ts';
import type { FetchItem } from '../../../imap/command.ts';
import { formatEnvelope } from '../../../imap/envelope.ts';
import { wireText } from '../../../imap/wire-string.ts';
import type { MessageDigest } from '../../../mail/digest/digest.ts';
import { isStandIn } from '../../../store/search/stand-in.ts';

const kinds = ['ENVELOPE', 'BODYSTRUCTURE', 'BODY', 'PREVIEW'] as const;

export type DigestItem = (typeof kinds)[number];

export const isDigestItem = (kind: FetchItem['kind']): kind is DigestItem =>
  (kinds as readonly string[]).includes(kind);

/** With the item's name in front, octets as latin1. */
type Texts = { [K in DigestItem]: string | undefined };

/** Limit: octets of texts kept, of some sixteen thousand messages. */
const octetsMax = 8 * 2 ** 20;
/** What a message's entry is reckoned to take besides its texts. */
const entryOctets = 100;
/** And a folder's. */
const folderOctets = 50;
/** Limit: a text is not kept that is longer. */
const textMax = 16 * 2 ** 10;

type FolderTexts = Map<number, Texts>;

interface Listed {
  readonly folder: number;
  readonly texts: FolderTexts;
}

export class DigestTexts {
  /** By folder and UID; the folder listed last comes last. */
  readonly #folders = new Map<number, FolderTexts>();
  readonly #octetsMax: number;
  #octets = 0;

  constructor(max = octetsMax) {
    this.#octetsMax = max;
  }

  /** To be asked for each command. */
  of(folder: number): ListedFolder {
    const known = this.#folders.get(folder);
    const texts: FolderTexts = known ?? new Map();
    this.#folders.delete(folder);
    this.#folders.set(folder, texts);
    if (known === undefined && !this.#hasRoom(folderOctets, { folder, texts }))
      this.#folders.delete(folder);
    return new ListedFolder(texts, (octets) => this.#hasRoom(octets, { folder, texts }));
  }

  /** Takes it from folders that were listed before. */
  #hasRoom(octets: number, { folder, texts }: Listed): boolean {
    // Forgotten since the command began.
    if (this.#folders.get(folder) !== texts) return false;
    for (const [other, theirs] of this.#folders) {
      if (this.#octets + octets <= this.#octetsMax || other === folder) break;
      this.#folders.delete(other);
      this.#octets -= folderOctets;
      for (const each of theirs.values()) this.#octets -= octetsOf(each);
    }
    if (this.#octets + octets > this.#octetsMax) return false;
    this.#octets += octets;
    return true;
  }
}

export class ListedFolder {
  readonly #texts: FolderTexts;
  readonly #hasRoom: (octets: number) => boolean;

  constructor(texts: FolderTexts, hasRoom: (octets: number) => boolean) {
    this.#texts = texts;
    this.#hasRoom = hasRoom;
  }

  /** Whether all of these can be said without the digest. */
  has(uid: number, items: readonly DigestItem[]): boolean {
    const texts = this.#texts.get(uid);
    return texts !== undefined && items.every((item) => texts[item] !== undefined);
  }

  /** @throws where the digest is needed and not given */
  text(uid: number, item: DigestItem, digest: MessageDigest | undefined): string {
    const texts = this.#texts.get(uid);
    const known = texts?.[item];
    if (known !== undefined) return known;
    const text = `${item} ${format(item, digest!)}`;
    // Content that cannot be read now may come back, from a backup or with its disk.
    if (text.length > textMax || isStandIn(digest!)) return text;
    const flat = flattened(text);
    if (!this.#hasRoom(flat.length + (texts === undefined ? entryOctets : 0))) return flat;
    if (texts !== undefined) texts[item] = flat;
    else this.#texts.set(uid, { ...noTexts, [item]: flat });
    return flat;
  }
}

const noTexts: Texts = {
  ENVELOPE: undefined,
  BODYSTRUCTURE: undefined,
  BODY: undefined,
  PREVIEW: undefined,
};

function octetsOf(texts: Texts): number {
  let octets = entryOctets;
  for (const kind of kinds) octets += texts[kind]?.length ?? 0;
  return octets;
}

const scratch = Buffer.allocUnsafe(textMax);

/** A text in one piece: the many that it was put together from need not live for as long as it is kept. */
function flattened(text: string): string {
  scratch.write(text, 'latin1');
  return scratch.toString('latin1', 0, text.length);
}

function format(item: DigestItem, digest: MessageDigest): string {
  switch (item) {
    case 'ENVELOPE':
      return formatEnvelope(digest.envelope);
    case 'BODYSTRUCTURE':
      return formatBodyStructure(digest.body);
    case 'BODY':
      return formatBody(digest.body);
    case 'PREVIEW':
      return wireText(digest.preview);
    default:
      return unreachable(item);
  }
}
