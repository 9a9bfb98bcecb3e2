// What frames carry: messages that were accepted, and word that recipients of theirs are done with.
// Records are gathered in one buffer and written as they lie there; large content is not copied.

import type { NewMessage, NewRecipient, Way } from '../../queue-store.ts';
import { frameHeadBytes } from './frame.ts';

/** A message as the journal keeps it: its content is in memory. */
export type JournaledMessage = NewMessage & {
  readonly content: { readonly kind: 'inline'; readonly bytes: Uint8Array };
};

export type JournalRecord =
  | { readonly kind: 'message'; readonly message: JournaledMessage }
  /** `indexes` undefined: all of them. */
  | {
      readonly kind: 'done';
      readonly id: string;
      readonly indexes: readonly number[] | undefined;
    };

const messageKind = 1;
const doneKind = 2;
const messageHeadBytes = 9;

// Content from this size on is written from where it lies.
const copiedBytesMax = 32 * 2 ** 10;
const bufferBytesFirst = 64 * 2 ** 10;

export type EncodedMessage = { readonly meta: string; readonly bytes: Uint8Array };

export function encodeMessage(message: JournaledMessage): EncodedMessage {
  // What is undefined is not written; to leave it out by a rest pattern takes longer.
  const meta = JSON.stringify({ ...message, content: undefined });
  return { meta, bytes: message.content.bytes };
}

/** Never less than what it takes. */
export const encodedBytesMax = ({ meta, bytes }: EncodedMessage): number =>
  messageHeadBytes + 3 * meta.length + bytes.length;

/** Gathers the records of one frame, behind room for the frame's head. Used again and again. */
export class RecordBuffer {
  #buffer = Buffer.allocUnsafeSlow(bufferBytesFirst);
  #used = frameHeadBytes;
  /** Where the part of the buffer begins that is in no piece yet. */
  #start = 0;
  #pieces: Uint8Array[] = [];
  #length = frameHeadBytes;

  /** Octets so far, with the frame's head. */
  get length(): number {
    return this.#length + this.#used - frameHeadBytes;
  }

  get isEmpty(): boolean {
    return this.length === frameHeadBytes;
  }

  addMessage(message: EncodedMessage): void {
    const { meta, bytes } = message;
    const copied = bytes.length < copiedBytesMax;
    this.#reserve(messageHeadBytes + 3 * meta.length + (copied ? bytes.length : 0));
    const at = this.#used;
    const length = this.#buffer.write(meta, at + messageHeadBytes);
    this.#buffer[at] = messageKind;
    this.#buffer.writeUInt32LE(length, at + 1);
    this.#buffer.writeUInt32LE(bytes.length, at + 5);
    this.#used += messageHeadBytes + length;
    if (copied) {
      this.#buffer.set(bytes, this.#used);
      this.#used += bytes.length;
      return;
    }
    this.#pieces.push(this.#buffer.subarray(this.#start, this.#used), bytes);
    this.#start = this.#used;
    this.#length += bytes.length;
  }

  addDone(id: string, indexes: readonly number[] | undefined): void {
    this.#reserve(doneBytesMax(id, indexes));
    const at = this.#used;
    const length = this.#buffer.write(id, at + 3);
    this.#buffer[at] = doneKind;
    this.#buffer.writeUInt16LE(length, at + 1);
    let end = this.#buffer.writeUInt32LE(indexes?.length ?? 0, at + 3 + length);
    for (const index of indexes ?? []) end = this.#buffer.writeUInt32LE(index, end);
    this.#used = end;
  }

  /** Head first, then the payload's pieces; then nothing may be added until it is cleared. */
  finish(): { readonly head: Buffer; readonly payload: readonly Uint8Array[] } {
    const pieces = [...this.#pieces, this.#buffer.subarray(this.#start, this.#used)];
    const [first, ...rest] = pieces as [Buffer, ...Uint8Array[]];
    return {
      head: first.subarray(0, frameHeadBytes),
      payload: [first.subarray(frameHeadBytes), ...rest],
    };
  }

  clear(): void {
    this.#used = frameHeadBytes;
    this.#start = 0;
    this.#pieces = [];
    this.#length = frameHeadBytes;
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.length, this.#used + bytes));
    // Pieces keep the old buffer; only what is in none yet moves.
    this.#buffer.copy(larger, this.#start, this.#start, this.#used);
    this.#buffer = larger;
  }
}

export const doneBytesMax = (id: string, indexes: readonly number[] | undefined): number =>
  7 + 3 * id.length + 4 * (indexes?.length ?? 0);

/** @throws Error for what no frame of ours contains */
export function* decodeRecords(payload: Buffer): Iterable<JournalRecord> {
  for (let at = 0; at < payload.length; ) {
    if (payload[at] === messageKind) {
      const metaAt = at + messageHeadBytes;
      const contentAt = metaAt + payload.readUInt32LE(at + 1);
      const end = contentAt + payload.readUInt32LE(at + 5);
      const bytes = payload.subarray(contentAt, end);
      const meta = JSON.parse(payload.toString('utf8', metaAt, contentAt)) as NewMessage;
      const recipients = meta.recipients.map(withDelivery);
      yield {
        kind: 'message',
        message: { ...meta, recipients, content: { kind: 'inline', bytes } },
      };
      at = end;
    } else if (payload[at] === doneKind) {
      const countAt = at + 3 + payload.readUInt16LE(at + 1);
      const count = payload.readUInt32LE(countAt);
      const indexes: number[] = [];
      for (let i = 0; i < count; i += 1) indexes.push(payload.readUInt32LE(countAt + 4 + 4 * i));
      yield {
        kind: 'done',
        id: payload.toString('utf8', at + 3, countAt),
        indexes: count === 0 ? undefined : indexes,
      };
      at = countAt + 4 + 4 * count;
    } else throw new Error(`a record of kind ${payload[at]}`);
  }
}

type OlderRecipient = Omit<NewRecipient, 'delivery'> & {
  readonly delivery?: Way['delivery'] | 'remote';
};

/**
 * Version 0.1 did not write how a recipient is delivered (what is local was not in its journal); what came after it
 * wrote `remote` for a relay.
 */
function withDelivery(recipient: OlderRecipient): NewRecipient {
  const { delivery = recipient.destination === 'discard' ? 'discard' : 'relay' } = recipient;
  return { ...recipient, delivery: delivery === 'remote' ? 'relay' : delivery };
}
