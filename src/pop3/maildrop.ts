// The mailbox as one session sees it: messages numbered from 1 as they were when it was opened, and
// which of them are marked as deleted. RFC 1939 §4 and §5.

/** What the session is told of a mailbox: nothing but the numbers and names of its messages. */
export interface MessageList {
  readonly length: number;
  /** Never the same for two messages, and always the same for one. RFC 1939 §7, UIDL. */
  idAt(index: number): string;
  /** Octets. */
  sizeAt(index: number): number;
}

export class Maildrop {
  readonly #messages: MessageList;
  readonly #octetsInAll: number;
  readonly #deleted = new Set<number>();
  #octetsDeleted = 0;

  constructor(messages: MessageList) {
    let octets = 0;
    for (let i = 0; i < messages.length; i += 1) octets += messages.sizeAt(i);
    this.#messages = messages;
    this.#octetsInAll = octets;
  }

  /** The highest message number, deleted or not. */
  get highest(): number {
    return this.#messages.length;
  }

  /** Messages that are not marked as deleted, and their octets. */
  get count(): number {
    return this.#messages.length - this.#deleted.size;
  }

  get octets(): number {
    return this.#octetsInAll - this.#octetsDeleted;
  }

  has(number: number): boolean {
    return number >= 1 && number <= this.#messages.length && !this.#deleted.has(number);
  }

  isDeleted(number: number): boolean {
    return this.#deleted.has(number);
  }

  sizeOf(number: number): number {
    return this.#messages.sizeAt(number - 1);
  }

  idOf(number: number): string {
    return this.#messages.idAt(number - 1);
  }

  delete(number: number): void {
    this.#deleted.add(number);
    this.#octetsDeleted += this.sizeOf(number);
  }

  /** RFC 1939 §5, RSET: nothing is deleted any more. */
  restore(): void {
    this.#deleted.clear();
    this.#octetsDeleted = 0;
  }

  /** Indexes into the list, ascending. */
  deleted(): readonly number[] {
    return Array.from(this.#deleted, (number) => number - 1).sort((a, b) => a - b);
  }

  get hasDeleted(): boolean {
    return this.#deleted.size > 0;
  }
}
