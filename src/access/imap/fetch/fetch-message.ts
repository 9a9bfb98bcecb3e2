// One FETCH response whose items need more than columns. Text is gathered; octets of sections follow as
// they are, large ones piece by piece, each sent before the next is read. RFC 9051 §7.5.2.

import type { FetchItem } from '../../../imap/command.ts';
import { wireString } from '../../../imap/wire-string.ts';
import { ContentError } from '../../../store/content.ts';
import type { CommandContext } from '../context.ts';
import type { SelectedMailbox } from '../selected-mailbox.ts';
import type { ListedFolder } from './digest-texts.ts';
import { isDigestItem } from './digest-texts.ts';
import type { Writer } from './fetch-columns.ts';
import { isColumnItem, tellsFlags, writerOf } from './fetch-columns.ts';
import type { FetchPlan } from './fetch-plan.ts';
import type { Literal, MessageSource } from './message-source.ts';

export interface WrittenMessage {
  readonly number: number;
  readonly uid: number;
  readonly row: number;
  readonly source: MessageSource;
}

/** Characters gathered before they are handed on. */
export const chunkLength = 48 * 2 ** 10;

/** A response of which not everything is known before the message is read. */
interface Response {
  readonly beginning: string;
  readonly known: readonly (string | undefined)[];
  /** What is told besides what was asked for. */
  readonly extra: string;
}

/** What an item gives: text, perhaps with octets behind it. */
type Piece = string | { readonly text: string; readonly literal: Literal };

export class MessageWriter {
  readonly #items: readonly FetchItem[];
  /** For each item that a column answers. */
  readonly #columns: readonly (Writer | undefined)[];
  readonly #selected: SelectedMailbox;
  readonly #context: CommandContext;
  readonly #listed: ListedFolder;
  readonly #tells: boolean;
  readonly #verb: string;
  readonly #uidOnly: boolean;
  /** Whole responses, or what goes before octets. */
  #text = '';
  #hasSent = false;
  /** UIDs of messages whose content is not there as it was stored. */
  readonly unreadable = new Set<number>();

  constructor(
    { items }: FetchPlan,
    listed: ListedFolder,
    selected: SelectedMailbox,
    context: CommandContext,
  ) {
    this.#items = items;
    this.#listed = listed;
    this.#columns = items.map((item) =>
      isColumnItem(item) ? writerOf(item.kind, selected) : undefined,
    );
    this.#selected = selected;
    this.#context = context;
    this.#uidOnly = context.isEnabled('UIDONLY');
    this.#verb = this.#uidOnly ? ' UIDFETCH (' : ' FETCH (';
    const kinds = items.map(({ kind }) => kind);
    this.#tells = tellsFlags(kinds, context);
  }

  /** Undefined: it is written. False: a part could not be decoded. */
  write(message: WrittenMessage, wasUnseen: boolean): Promise<boolean> | undefined {
    const { number, uid, row, source } = message;
    const { rows, view } = this.#selected;
    // The row is right until somebody is waited for: columns come first, of one moment.
    const known = this.#items.map(
      (item, index) =>
        this.#columns[index]?.(rows, row) ??
        (isDigestItem(item.kind) ? this.#listed.text(uid, item.kind, source.digest) : undefined),
    );
    const extra = wasUnseen ? this.#flags(row) : '';
    if (this.#tells || wasUnseen) view.tellOf(uid, rows.modseq[row]!);
    const beginning = `* ${this.#uidOnly ? uid : number}${this.#verb}`;
    if (known.includes(undefined)) return this.#read(message, { beginning, known, extra });
    this.#text += `${beginning}${known.join(' ')}${extra === '' ? '' : ` ${extra}`})\r\n`;
    return undefined;
  }

  /** Hands on what has gathered where it is much, or octets were sent behind it. */
  room(): Promise<void> | undefined {
    if (!this.#hasSent && this.#text.length < chunkLength) return undefined;
    this.handOn();
    this.#hasSent = false;
    return this.#context.room();
  }

  /** To be called at the end, too, whatever it is. */
  handOn(): void {
    if (this.#text !== '') this.#context.raw(this.#text);
    this.#text = '';
  }

  /** What has to be read besides what is known of it. */
  async #read({ uid, source }: WrittenMessage, response: Response): Promise<boolean> {
    const { beginning, known, extra } = response;
    let fine = true;
    let text = '';
    let separator = beginning;
    for (const [index, item] of this.#items.entries()) {
      const piece = known[index] ?? (await this.#readable(uid, () => pieceOf(item, source)));
      if (piece === undefined) fine = false;
      if (piece === undefined || piece === 'unreadable') continue;
      text += separator + (typeof piece === 'string' ? piece : piece.text);
      separator = ' ';
      if (typeof piece === 'string') continue;
      this.#text += text;
      text = '';
      await this.#send(piece.literal);
    }
    // RFC 9051 §6.4.5: that \Seen was set is told in the same response.
    if (extra !== '') text += separator + extra;
    // RFC 9051 §9, msg-att: of nothing at all there is no response.
    if (separator === ' ' || extra !== '') this.#text += `${text})\r\n`;
    return fine;
  }

  /** Content that is gone is gone for this message alone: the others are answered. */
  async #readable<T>(uid: number, read: () => Promise<T>): Promise<T | 'unreadable'> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof ContentError)) throw error;
      this.unreadable.add(uid);
      this.#context.log.error('content-damaged', { uid, error: error.message });
      return 'unreadable';
    }
  }

  #flags(row: number): string {
    const { rows } = this.#selected;
    const asked = (kind: string) => this.#items.some((item) => item.kind === kind);
    const kinds = asked('FLAGS') ? [] : ['FLAGS'];
    if (this.#context.isEnabled('CONDSTORE') && !asked('MODSEQ')) kinds.push('MODSEQ');
    return kinds.map((kind) => writerOf(kind, this.#selected)(rows, row)).join(' ');
  }

  async #send(literal: Literal): Promise<void> {
    const context = this.#context;
    this.handOn();
    this.#hasSent = true;
    if (literal.bytes !== undefined) return context.raw(literal.bytes);
    for await (const piece of literal.pieces()) {
      context.raw(piece);
      const room = context.room();
      if (room !== undefined) await room;
    }
  }
}

/** Undefined: cannot be said. */
async function pieceOf(item: FetchItem, source: MessageSource): Promise<Piece | undefined> {
  switch (item.kind) {
    case 'SECTION':
      return literalPiece(sectionName(item), await source.section(item.section, item.partial), '');
    case 'BINARY':
    case 'BINARY.SIZE':
      return binaryPiece(item, source);
    default:
      // Columns and digests were written before.
      return undefined;
  }
}

function literalPiece(name: string, literal: Literal | undefined, tilde: '' | '~'): Piece {
  // RFC 9051 §7.5.2: NIL for what is not there.
  if (literal === undefined) return `${name} NIL`;
  return { text: `${name} ${tilde}{${literal.octets}}\r\n`, literal };
}

async function binaryPiece(
  item: Extract<FetchItem, { readonly kind: 'BINARY' | 'BINARY.SIZE' }>,
  source: MessageSource,
): Promise<Piece | undefined> {
  const partial = item.kind === 'BINARY' ? item.partial : undefined;
  const found = await source.binary(item.part, partial);
  if (found === 'unknown-encoding') return undefined;
  const name = `${item.kind}[${item.part.join('.')}]`;
  if (item.kind === 'BINARY.SIZE') return `${name} ${found?.octets ?? 0}`;
  const from = partial === undefined ? '' : `<${partial.offset}>`;
  // RFC 3516 §4.2: a literal8 where there is a NUL.
  return literalPiece(name + from, found, found?.hasNul ? '~' : '');
}

/** As the client asked, with the offset of a partial. RFC 9051 §7.5.2, RFC 3501 §6.4.5. */
function sectionName({
  as,
  section,
  partial,
}: Extract<FetchItem, { readonly kind: 'SECTION' }>): string {
  const from = partial === undefined ? '' : `<${partial.offset}>`;
  if (as !== 'BODY') return as + from;
  const { part, text, fields } = section;
  const words: (string | number)[] = [...part];
  if (text !== undefined) words.push(text);
  const names = fields.length === 0 ? '' : ` (${fields.map(fieldName).join(' ')})`;
  return `BODY[${words.join('.')}${names}]${from}`;
}

const fieldName = (name: string): string =>
  /^[!#$&'+\-./0-9:;<=>?@A-Z[^_`a-z|}~]+$/.test(name) ? name : wireString(name);
