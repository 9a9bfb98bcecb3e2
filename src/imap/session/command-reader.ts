// Puts commands together out of lines and literals: RFC 9051 §4.3 and §2.2.1, RFC 7888. Stops at every
// literal, for the session to say whether it is an argument, a message, or too much; what was refused
// is skipped without being gathered, as far as the client sends it unasked.

import type { ImapInput, Line } from './input.ts';

export interface Announcement {
  readonly octets: number;
  /** The client waits for our leave. */
  readonly synchronizing: boolean;
}

export type Piece =
  /** All of the command so far, or of what follows a message. `announced`: a literal comes next. */
  | { readonly kind: 'piece'; readonly text: string; readonly announced: Announcement | undefined }
  | {
      readonly kind: 'too-long';
      /** Where the tag is. */
      readonly text: string;
      readonly announced: Announcement | undefined;
    }
  /** More of a refused command has come than is worth skipping. */
  | { readonly kind: 'endless' };

type State =
  | { readonly phase: 'line' }
  | { readonly phase: 'argument'; readonly octets: number }
  | { readonly phase: 'skip'; readonly left: number }
  | { readonly phase: 'rest' };

// RFC 7888 §3: at the end of every line, whatever it is part of.
const announcementPattern = /~?\{([0-9]{1,20})(\+?)\}$/;

const line: State = { phase: 'line' };
const rest: State = { phase: 'rest' };
/** Limit: a line that is skipped is not gathered beyond this. */
const restLineOctets = 1024;

export class CommandReader {
  readonly #input: ImapInput;
  #state: State = line;
  #text = '';
  #skipped = 0;

  constructor(input: ImapInput) {
    this.#input = input;
  }

  /** Nothing of a command has been read. */
  get fresh(): boolean {
    return this.#state.phase === 'line' && this.#text === '' && this.#input.empty;
  }

  /** All that was read of the command, or since the last message in it. */
  get text(): string {
    return this.#text;
  }

  /** The command ends here, or a message comes: what follows stands on its own. */
  clear(): void {
    this.#text = '';
    this.#skipped = 0;
    this.#state = line;
  }

  /** The literal that was announced is an argument. */
  gather(octets: number): void {
    this.#state = { phase: 'argument', octets };
  }

  /** The command is refused, with what was announced last: what comes of it unasked is skipped. */
  refuse(announced: Announcement | undefined): void {
    // A client that waits for our leave reads the refusal instead, and sends none of it.
    if (announced === undefined || announced.synchronizing) this.clear();
    else {
      this.#skipped += announced.octets;
      this.#state = { phase: 'skip', left: announced.octets };
    }
  }

  /** Undefined: more input is needed. */
  read(commandBytes: number, skippedMax: number): Piece | undefined {
    for (;;) {
      const state = this.#state;
      switch (state.phase) {
        case 'line':
          return this.#readLine(commandBytes, skippedMax);
        case 'argument': {
          const octets = this.#input.takeText(state.octets);
          if (octets === undefined) return undefined;
          this.#text += `\r\n${octets}`;
          this.#state = line;
          break;
        }
        case 'skip':
          if (this.#skipped > skippedMax) return { kind: 'endless' };
          if (!this.#skip(state.left)) return undefined;
          break;
        case 'rest': {
          const read = this.#input.takeLine(restLineOctets, skippedMax - this.#skipped);
          if (read === undefined) return undefined;
          if (read.kind === 'endless') return read;
          this.#skipRest(read);
          break;
        }
      }
    }
  }

  #readLine(commandBytes: number, skippedMax: number): Piece | undefined {
    const read = this.#input.takeLine(Math.max(0, commandBytes - this.#text.length), skippedMax);
    if (read === undefined || read.kind === 'endless') return read;
    if (read.kind === 'too-long') {
      const text = this.#text === '' ? read.start : this.#text;
      return { kind: 'too-long', text, announced: announcementIn(read.end) };
    }
    this.#text = this.#text === '' ? read.text : this.#text + read.text;
    return { kind: 'piece', text: this.#text, announced: announcementIn(read.text) };
  }

  /** False when more input is needed. */
  #skip(left: number): boolean {
    if (left === 0) {
      this.#state = rest;
      return true;
    }
    const skipped = this.#input.takeContent(left);
    if (skipped === undefined) return false;
    this.#state = { phase: 'skip', left: left - skipped.length };
    return true;
  }

  #skipRest(read: Exclude<Line, { readonly kind: 'endless' }>): void {
    const [end, octets] =
      read.kind === 'line' ? [read.text, read.text.length] : [read.end, read.octets];
    this.#skipped += octets;
    this.refuse(announcementIn(end));
  }
}

function announcementIn(text: string): Announcement | undefined {
  if (!text.endsWith('}')) return undefined;
  const match = announcementPattern.exec(text.slice(-26));
  return match === null ? undefined : { octets: Number(match[1]), synchronizing: match[2] === '' };
}
