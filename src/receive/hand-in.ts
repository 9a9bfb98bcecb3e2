// A message that a program of this server hands in for an account: the same questions that its login and its
// transaction by SMTP would be, answered by the same policies, without a connection.

import type { Fields } from '../base/log.ts';
import { logWith } from '../base/log.ts';
import type { Mailbox } from '../mail/fields/address.ts';
import { formatMailbox } from '../mail/fields/address.ts';
import type { Peer } from '../net/peer.ts';
import type { Reply } from '../smtp/reply.ts';
import { isPositive, replies, replyLine } from '../smtp/reply.ts';
import type { Stage } from '../smtp/server/event.ts';
import { replyFor } from '../smtp/smtp-error.ts';
import type { NewMessage } from '../store/queue-store.ts';
import type { StoredRecord } from '../store/record-store.ts';
import type { ServerAnswer } from './conversation.ts';
import type { ClientLogin } from './present-client.ts';
import type { Reception } from './reception.ts';
import type { SmtpServiceParts } from './smtp-service.ts';
import { receptionOf } from './smtp-service.ts';

export interface HandIn {
  /** Primary address. */
  readonly account: string;
  /** Of the program that asks; '' for one of this machine. */
  readonly client: string;
  readonly sender: Mailbox;
  readonly recipients: readonly Mailbox[];
  /** Lines end in whatever they do. */
  readonly content: Uint8Array;
  /** As in Origin. */
  readonly device?: string | undefined;
  /** What the log says with each line of it. */
  readonly logged?: Fields | undefined;
  /** Of what is taken: put with it, and only then. */
  readonly records?: ((taken: HandedIn) => readonly StoredRecord[]) | undefined;
}

export interface HandedIn {
  readonly id: string;
  readonly messageId: string | undefined;
  readonly accepted: readonly string[];
  readonly rejected: readonly Rejected[];
}

interface Rejected {
  readonly address: string;
  readonly reply: string;
}

/** A policy, or the store, says no. */
export class HandInRefused extends Error {
  override readonly name = 'HandInRefused';
  readonly reply: Reply;

  constructor(reply: Reply) {
    super(replyLine(reply));
    this.reply = reply;
  }
}

/** @throws HandInRefused when nothing of it is taken. */
export async function handIn(
  parts: SmtpServiceParts,
  session: string,
  message: HandIn,
): Promise<HandedIn> {
  let handedIn: HandedIn | undefined;
  const rejected: Rejected[] = [];
  const reception = receptionOf(
    {
      ...parts,
      log: logWith(parts.log, message.logged ?? {}),
      submit: (taken, ...rest) => {
        const { records, device } = message;
        handedIn = handedInAs(taken, message, rejected);
        const queued = {
          ...taken,
          ...(records !== undefined && { records: records(handedIn) }),
          ...(device !== undefined && { origin: { ...taken.origin, device } }),
        };
        return parts.submit(queued, ...rest);
      },
    },
    { ...parts.settings(), login: () => loggedIn(message.account) },
    { peer: nobody(message.client), session },
  );
  try {
    const asked = new Asked(reception, message);
    await transaction(asked, message, rejected);
    if (handedIn === undefined) throw new HandInRefused(replies.localError);
    return handedIn;
  } finally {
    await reception.reset();
    reception.closed();
  }
}

function handedInAs(
  { id, messageId }: NewMessage,
  { recipients }: HandIn,
  rejected: readonly Rejected[],
): HandedIn {
  const refused = new Set(rejected.map(({ address }) => address));
  const accepted = recipients.map(formatMailbox).filter((one) => !refused.has(one));
  return { id, messageId, accepted, rejected };
}

/** Whoever is refused goes to `rejected`. */
async function transaction(
  asked: Asked,
  { sender, recipients, content }: HandIn,
  rejected: Rejected[],
): Promise<void> {
  await asked.must('auth', { kind: 'auth', mechanism: 'HTTP', initial: undefined });
  await asked.must('helo', { kind: 'hello', client: 'http', verb: 'EHLO' });
  await asked.must('mail', { kind: 'mail', from: sender, params: [] });
  let last: Reply | undefined;
  for (const to of recipients) {
    const said = await asked.ask('rcpt', { kind: 'rcpt', to, params: [] }, [to]);
    if (isPositive(said)) continue;
    last = said;
    rejected.push({ address: formatMailbox(to), reply: replyLine(said) });
  }
  if (last !== undefined && rejected.length === recipients.length) throw new HandInRefused(last);
  await asked.must('data', { kind: 'data', via: 'DATA', binary: false });
  const octets = withLineEnds(content);
  await asked.reception.content(octets);
  await asked.must('content', { kind: 'message', bytes: octets.length });
}

/** Questions, and what is kept of those that are refused. */
class Asked {
  readonly reception: Reception;
  readonly #message: HandIn;

  constructor(reception: Reception, message: HandIn) {
    this.reception = reception;
    this.#message = message;
  }

  async must(stage: Stage, question: Parameters<Reception['answer']>[0]): Promise<void> {
    const said = await this.ask(stage, question, this.#message.recipients);
    if (!isPositive(said)) throw new HandInRefused(said);
  }

  async ask(
    stage: Stage,
    question: Parameters<Reception['answer']>[0],
    recipients: readonly Mailbox[],
  ): Promise<Reply> {
    let answer: ServerAnswer;
    try {
      answer = await this.reception.answer(question);
    } catch (error) {
      answer = replyFor(error);
    }
    // A login that is over has no challenge; nothing else is asked here that has another answer.
    const said = 'code' in answer ? answer : replies.localError;
    if (!isPositive(said))
      this.reception.refused(
        { stage, reply: said, sender: this.#message.sender, recipients },
        undefined,
      );
    return said;
  }
}

/** Whoever asks has been let in already. */
function loggedIn(account: string): ClientLogin {
  const start = async () => ({ kind: 'logged-in', account }) as const;
  return { start, respond: start, cancel() {} };
}

function nobody(address: string): Peer {
  const gone = () => Promise.reject(new Error('there is no connection'));
  return {
    remote: { address, port: 0 },
    local: { address: '', port: 0 },
    tls: undefined,
    ...{ read: gone, write: gone, end: async () => {}, destroy: () => {} },
  };
}

// RFC 5321 §2.3.8: lines end in CRLF, and CR and LF are nowhere else.
const withLineEnds = (content: Uint8Array): Uint8Array => {
  const text = Buffer.from(content)
    .toString('latin1')
    .replace(/\r\n|\r|\n/g, '\r\n');
  return Buffer.from(text.endsWith('\r\n') ? text : `${text}\r\n`, 'latin1');
};
