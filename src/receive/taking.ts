// A message on its last steps before the queue: what policies have agreed to, as filters leave it.

import { formatMailbox } from '../mail/fields/address.ts';
import type { Answers } from '../policy/answers.ts';
import type { AcceptedRecipient, Envelope } from '../policy/envelope.ts';
import { entersHere } from '../policy/envelope.ts';
import type { Arrival, Draft } from '../policy/policy.ts';
import { fieldsInFront } from './head-changes.ts';
import { fixSubmission } from './submission.ts';

/** From MAIL to the end of the content, or to whatever ends it before. */
export interface Transaction {
  readonly envelope: Envelope;
  readonly answers: Answers;
  /** The client said EHLO or LHLO. */
  readonly extended: boolean;
  /** When MAIL came. */
  readonly began: number;
  /** Those of the envelope. */
  readonly recipients: AcceptedRecipient[];
}

export interface Taking {
  readonly transaction: Transaction;
  readonly now: number;
  readonly draft: Draft;
  /** The transaction's, unless a filter changed its sender. */
  readonly envelope: Envelope;
  /** Recipients of the transaction that a filter took out, and those that it added. */
  readonly removed: ReadonlySet<AcceptedRecipient>;
  readonly added: readonly AcceptedRecipient[];
  readonly held: boolean;
  readonly discarded: boolean;
}

const nobody: ReadonlySet<AcceptedRecipient> = new Set();

/** Before any filter has seen it. */
export function takingOf(
  transaction: Transaction,
  arrival: Arrival,
  { id, now, hostname }: { readonly id: string; readonly now: number; readonly hostname: string },
): Taking {
  const { envelope, answers } = transaction;
  const { client } = envelope;
  const sender = envelope.sender === null ? '' : formatMailbox(envelope.sender);
  // RFC 6409 §8: only mail that enters the mail system here is mended. Filters see it mended.
  const below = entersHere(client)
    ? fixSubmission({ id, now, hostname, client, sender, ...arrival })
    : '';
  const draft = { id, above: fieldsInFront(answers.head), below, arrival };
  const untouched = { removed: nobody, added: [], held: false, discarded: false };
  return { ...untouched, transaction, now, draft, envelope };
}
