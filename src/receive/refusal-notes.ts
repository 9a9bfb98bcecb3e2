// The record of what one client was refused: who it is at present, and what of its message is known by then.

import type { Log } from '../base/log.ts';
import { formatMailbox } from '../mail/fields/address.ts';
import type { Finding } from '../mail/finding.ts';
import type { ClientFacts } from '../policy/envelope.ts';
import type { Refusal, Refusals } from '../policy/refusals.ts';
import { replyLine } from '../smtp/reply.ts';
import type { Refused } from '../smtp/server/event.ts';
import type { PresentClient } from './present-client.ts';

export interface RefusalNotesParts {
  readonly service: ClientFacts['service'];
  readonly session: string;
  /** Where the record is kept; undefined: nowhere. */
  readonly refusals?: Refusals | undefined;
  readonly log: Log;
}

/** What is known of the message when it is refused. */
export interface KnownOfMessage {
  readonly findings: readonly Finding[];
  readonly messageId: string | undefined;
}

export class RefusalNotes {
  readonly #parts: RefusalNotesParts;
  readonly #client: PresentClient;

  constructor(parts: RefusalNotesParts, client: PresentClient) {
    this.#parts = parts;
    this.#client = client;
  }

  /** A command or a message; `cause` is why, where that is not for the client to hear. */
  refused(refused: Refused, cause: string | undefined, known: KnownOfMessage): void {
    const { stage, reply: said, sender, recipients } = refused;
    const [first] = recipients;
    const { findings, messageId } = known;
    this.note({
      stage,
      reply: replyLine(said),
      reason: cause ?? said.lines.join(' '),
      ...(sender !== undefined && { from: sender === null ? '' : formatMailbox(sender) }),
      ...(first !== undefined && { to: formatMailbox(first) }),
      ...(recipients.length > 1 && { recipients: recipients.length }),
      ...(stage === 'content' && { messageId }),
      ...(findings.length > 0 && { findings: [...findings] }),
    });
  }

  note(facts: Pick<Refusal, 'stage' | 'reason'> & Partial<Refusal>): void {
    const { refusals, session, service, log } = this.#parts;
    if (refusals === undefined) return;
    const { ends, account, hello } = this.#client;
    const who = { client: ends.remote.address, hello: hello || undefined, account };
    refusals.note({ session, service, ...who, ...facts }, log);
  }
}
