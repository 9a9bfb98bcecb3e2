// Keeps what replies of 4yz and 5yz were about, for whoever records them: which stage of the
// conversation, whose mail, to whom. It decides nothing.

import type { Line } from '../../base/line-splitter.ts';
import type { Mailbox, ReversePath } from '../../mail/fields/address.ts';
import type { Command } from '../command.ts';
import type { Reply } from '../reply.ts';
import type { Refused, Stage } from './event.ts';

const nobody: Mailbox[] = [];
const nothingRefused: Refused[] = [];

const stages: ReadonlyMap<string, Stage> = new Map([
  ['EHLO', 'helo'],
  ['HELO', 'helo'],
  ['LHLO', 'helo'],
  ['MAIL', 'mail'],
  ['RCPT', 'rcpt'],
  ['DATA', 'data'],
  ['BDAT', 'content'],
  ['AUTH', 'auth'],
  ['STARTTLS', 'starttls'],
]);
const aboutMail: ReadonlySet<Stage> = new Set(['mail', 'rcpt', 'data', 'content']);

export class Refusals {
  /** What the client is about. */
  stage: Stage = 'connect';
  /** The beginning of content that is being refused. */
  content: Uint8Array | undefined;
  /** Of the present transaction, or of one that was refused: commands of it may be on their way. */
  #sender: ReversePath | undefined;
  #accepted: Mailbox[] = nobody;
  /** By RCPT, if that is the present command. */
  #named: Mailbox | undefined;
  #noted: Refused[] = nothingRefused;

  /** A line was read, and this is what it says; `line` tells what it is about if it says nothing. */
  command({ verb }: Command, line: Line): void {
    this.#named = undefined;
    if (verb !== 'malformed') this.stage = stages.get(verb) ?? 'command';
    else if (line.kind !== 'line') this.stage = 'command';
    else this.stage = stages.get(line.text.split(' ', 1)[0]!.toUpperCase()) ?? 'command';
  }

  /** MAIL named somebody: what follows is about a new transaction. */
  from(sender: ReversePath): void {
    this.#sender = sender;
    this.#accepted = nobody;
  }

  /** Its transaction is over, and nothing more can be about it. */
  over(): void {
    this.#sender = undefined;
    this.#accepted = nobody;
  }

  /** RCPT named somebody. */
  to(recipient: Mailbox): void {
    this.#named = recipient;
  }

  /** The recipient that RCPT named was accepted. */
  accepted(recipient: Mailbox): void {
    if (this.#accepted === nobody) this.#accepted = [];
    this.#accepted.push(recipient);
  }

  /** A reply is given. `index`: it is about this one of the accepted recipients alone. */
  note(reply: Reply, index?: number): void {
    if (reply.code < 400) return;
    const { stage } = this;
    const sender = aboutMail.has(stage) ? this.#sender : undefined;
    const recipients =
      index === undefined ? this.#recipients() : this.#accepted.slice(index, index + 1);
    if (this.#noted === nothingRefused) this.#noted = [];
    this.#noted.push({ stage, reply, sender, recipients, content: this.content });
  }

  /** What was noted since this was last asked. */
  take(): readonly Refused[] {
    const noted = this.#noted;
    this.#noted = nothingRefused;
    return noted;
  }

  #recipients(): readonly Mailbox[] {
    switch (this.stage) {
      case 'rcpt':
        return this.#named === undefined ? nobody : [this.#named];
      case 'data':
      case 'content':
        return this.#accepted;
      default:
        return nobody;
    }
  }
}
