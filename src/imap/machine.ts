// An ImapSession as its owner sees it (session.ts is the one there is): a machine without I/O. Bytes
// go in through receive(); next() returns what happened; every question is answered; output() is
// what to send. Between questions the owner may say untagged things.

import type { Answer, Enabled, ImapFacts, SessionEvent } from './event.ts';

export interface ImapMachine {
  /** What it is at: IDLE and the like, or else its state. RFC 9051 §3. */
  readonly phase: string;
  /** The bytes must stay as they are until next() says `need-input`. */
  receive(bytes: Uint8Array): void;
  next(): SessionEvent;
  /** To the question that next() returned last. */
  answer(answer: Answer): void;
  /** An untagged response: without `* ` and CRLF, octets as latin1. */
  untagged(response: string): void;
  /** Part of an untagged response, as it is: octets, or octets as latin1. */
  raw(octets: Uint8Array | string): void;
  /** What is to be sent now; taken once. */
  output(): Iterable<Uint8Array | string>;
  /** Octets that output() would give. */
  readonly outputSize: number;

  /** The handshake is done. Forgets what was received in the clear. */
  tlsStarted(mechanisms: readonly string[]): void;
  /** BYE, at a moment when no question is open; next() says `close` then. `because`: instead of the usual text. */
  shuttingDown(because?: string): void;
  timedOut(): void;

  isEnabled(extension: Enabled): boolean;
  /** How long to wait for input now. */
  readonly timeoutMs: number;
  /** Commands read so far: changes whenever a new wait for a command begins. */
  readonly commands: number;
  /** Between commands: nothing of a command has been read. */
  readonly idle: boolean;
  readonly loggedIn: boolean;
}

export type ImapMachineFactory = (facts: ImapFacts) => ImapMachine;
