// The server's half of a conversation about the whereabouts of messages, without I/O: MTQP, RFC 3887. Bytes go
// in through receive(), next() says what is wanted, output() is what to send. Commands are answered in
// order; it knows no message and no clock.

import { assert } from '../base/assert.ts';
import { LineSplitter } from '../base/line-splitter.ts';

export interface MtqpFacts {
  readonly hostname: string;
  readonly secure: boolean;
  /** STARTTLS is offered while this is true and the session is not secure. */
  readonly startTls: boolean;
  /** Whether a certificate of ours has this name. */
  readonly isCertified: (domain: string) => boolean;
}

/** Waits for answer(). */
export interface TrackQuestion {
  readonly kind: 'track';
  /** Still xtext, as MAIL had it. */
  readonly envid: string;
  readonly secret: Uint8Array;
}

export type MtqpEvent =
  | TrackQuestion
  | { readonly kind: 'need-input' }
  /** Send output(), do the handshake, then call tlsStarted(). */
  | { readonly kind: 'starttls' }
  /** Send output(), then close. */
  | { readonly kind: 'close' };

/** Limit: RFC 3887 §2.2, without its CRLF. */
const commandBytesMax = 998;
/** Limit: RFC 3887 §2.5 lets a server count; whoever guesses secrets does not get far. */
const errorsMax = 20;
const commandsMax = 1000;
/** RFC 3887 §2.5: at least 10 minutes. */
export const idleMs = 10 * 60_000;

const anyLine = (): number => commandBytesMax + 2;
const needInput: MtqpEvent = { kind: 'need-input' };
const handshake: MtqpEvent = { kind: 'starttls' };
const close: MtqpEvent = { kind: 'close' };

// RFC 3887 §4: 1*WSP unique-envid 1*WSP mtrk-secret; the envid may stand in angle brackets.
const track = /^[ \t]+<?([!-;=?-~]{1,100})>?[ \t]+([a-z0-9+/]{1,1400}={0,2})[ \t]*$/i;
// RFC 3887 §6: 1*WSP domain *WSP
const domain = /^[ \t]+([a-z0-9-]+(?:\.[a-z0-9-]+)+)[ \t]*$/i;

export class MtqpSession {
  #facts: MtqpFacts;
  readonly #input = new LineSplitter({ tabs: true });
  #phase: 'commands' | 'asked' | 'handshake' | 'closed' = 'commands';
  #output = '';
  #errors = 0;
  #commands = 0;

  constructor(facts: MtqpFacts) {
    this.#facts = facts;
    this.#greet();
  }

  /** Commands so far: changes whenever a new wait begins. */
  get commands(): number {
    return this.#commands;
  }

  readonly timeoutMs = idleMs;

  /** Nothing is under way that a stop would cut off. */
  get idle(): boolean {
    return this.#phase === 'commands';
  }

  /** The bytes must stay as they are until next() says `need-input`. */
  receive(bytes: Uint8Array): void {
    if (this.#phase === 'commands') this.#input.push(bytes);
  }

  next(): MtqpEvent {
    assert(this.#phase !== 'asked', 'the last question was answered');
    while (this.#phase === 'commands') {
      const line = this.#input.takeLine(commandBytesMax + 2, anyLine);
      if (line === undefined) return needInput;
      this.#commands += 1;
      const event = line.kind === 'line' ? this.#command(line.text) : this.#bad('Bad line');
      if (event !== undefined) return event;
    }
    return this.#phase === 'handshake' ? needInput : close;
  }

  /** Lines of a MIME body part; undefined: nothing is known, or not for this secret. */
  answer(found: readonly string[] | undefined): void {
    assert(this.#phase === 'asked', 'there is a question to answer');
    this.#phase = 'commands';
    if (found === undefined) {
      // RFC 3887 §4: whether there is no such message or the secret is wrong is not told apart.
      this.#errors += 1;
      this.#say('-ERR/noinfo Nothing is known of it here');
    } else {
      this.#say('+OK+ Tracking information follows');
      for (const line of found) this.#say(line.startsWith('.') ? `.${line}` : line);
      this.#say('.');
    }
    this.#count();
  }

  /** The owner cannot answer now. */
  unavailable(): void {
    assert(this.#phase === 'asked', 'there is a question to answer');
    this.#phase = 'commands';
    this.#say('-TEMP/unavailable Try again later');
  }

  output(): string {
    const output = this.#output;
    this.#output = '';
    return output;
  }

  /** RFC 3887 §6.2: as if the connection had just been made. */
  tlsStarted(): void {
    assert(this.#phase === 'handshake', 'STARTTLS comes before TLS');
    this.#facts = { ...this.#facts, secure: true };
    this.#input.clear();
    this.#phase = 'commands';
    this.#greet();
  }

  shuttingDown(): void {
    this.#end('-TEMP/unavailable Shutting down');
  }

  // RFC 3887 §3
  #greet(): void {
    const { hostname, secure, startTls } = this.#facts;
    const options = startTls && !secure ? ['STARTTLS', '.'] : [];
    this.#say(`+OK${options.length > 0 ? '+' : ''}/MTQP ${hostname} MTQP server ready`);
    for (const line of options) this.#say(line);
  }

  /** Undefined when it was answered here. */
  #command(text: string): MtqpEvent | undefined {
    const [verb = ''] = text.split(/[ \t]/, 1);
    const rest = text.slice(verb.length);
    switch (verb.toUpperCase()) {
      case 'TRACK':
        return this.#track(rest);
      // RFC 3887 §5: whatever follows is ignored.
      case 'COMMENT':
        return this.#say('+OK');
      case 'STARTTLS':
        return this.#startTls(rest);
      case 'QUIT':
        if (rest !== '') return this.#bad('QUIT stands alone');
        this.#end('+OK Bye');
        return close;
      default:
        return this.#bad('Command not recognized');
    }
  }

  #track(rest: string): MtqpEvent | undefined {
    const [, envid, secret] = track.exec(rest) ?? [];
    if (envid === undefined || secret === undefined)
      return this.#bad('Syntax: TRACK envelope-id secret');
    this.#phase = 'asked';
    return { kind: 'track', envid, secret: Buffer.from(secret, 'base64') };
  }

  #startTls(rest: string): MtqpEvent | undefined {
    const { secure, startTls, isCertified } = this.#facts;
    if (secure) return this.#bad('TLS is active already', '/tls-in-progress');
    if (!startTls) return this.#refuse('-ERR/unsupported There is no TLS here');
    const [, name] = domain.exec(rest) ?? [];
    if (name === undefined) return this.#bad('Syntax: STARTTLS domain', '/bad-fqdn');
    // RFC 3887 §6: "-BAD" MUST be returned where the certificate does not have the name.
    if (!isCertified(name)) return this.#bad('No certificate here has this name', '/bad-fqdn');
    this.#say('+OK Begin TLS');
    this.#phase = 'handshake';
    // What came in the clear behind the command is not part of the protected session.
    this.#input.clear();
    return handshake;
  }

  // RFC 3887 §2.3: -BAD for what is no command.
  #bad(text: string, code = ''): undefined {
    return this.#refuse(`-BAD${code} ${text}`);
  }

  #refuse(line: string): undefined {
    this.#errors += 1;
    this.#say(line);
    this.#count();
  }

  #count(): void {
    if (this.#errors >= errorsMax || this.#commands >= commandsMax)
      this.#end('-ERR/admin Too many of these');
  }

  #end(line: string): void {
    this.#say(line);
    this.#phase = 'closed';
    this.#input.clear();
  }

  #say(line: string): undefined {
    this.#output += `${line}\r\n`;
  }
}
