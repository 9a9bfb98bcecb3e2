// The operation `submit`: what a program says in JSON, as a message with an envelope, handed in for an account. The same
// idempotency key answers the same for a day, so that whoever hears nothing can ask again.

import type { HandedIn as Given, Submitted } from '../admin/desks.ts';
import { OperationError } from '../admin/operations.ts';
import { BoundedMap } from '../base/bounded-map.ts';
import type { Clock } from '../base/clock.ts';
import type { ComposedAddress } from '../mail/composed-message.ts';
import { composedMessage } from '../mail/composed-message.ts';
import type { Mailbox } from '../mail/fields/address.ts';
import { formatMailbox, parseMailbox } from '../mail/fields/address.ts';
import { parseAddressList } from '../mail/fields/structured.ts';
import { decodeBase64 } from '../mail/mime/base64.ts';
import type { HandedIn, HandIn } from '../receive/hand-in.ts';
import { HandInRefused } from '../receive/hand-in.ts';
import type { RecordStore } from '../store/record-store.ts';

export interface SubmissionParts {
  readonly records: Pick<RecordStore, 'get'>;
  readonly clock: Clock;
  readonly accountOf: (address: string) => Promise<string | undefined>;
  readonly messageBytesMax: () => number;
  readonly handIn: (message: HandIn) => Promise<HandedIn>;
}

const kind = 'submission';
const rememberedMs = 24 * 60 * 60_000;
/** Limit: submissions under way whose keys are known. */
const underWayMax = 10_000;

export class Submissions {
  readonly #parts: SubmissionParts;
  readonly #underWay = new BoundedMap<string, Promise<Submitted>>(underWayMax);

  constructor(parts: SubmissionParts) {
    this.#parts = parts;
  }

  /** @throws OperationError with the reply of what refuses it. */
  async submit(given: Given): Promise<Submitted> {
    const { idempotencyKey } = given;
    const account = await this.#accountOf(given);
    if (idempotencyKey === undefined) return this.#send(account, given);
    const key = `${account} ${idempotencyKey}`;
    const known = this.#underWay.get(key);
    if (known !== undefined) return known;
    const sending = this.#once(key, account, given).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, sending);
    return sending;
  }

  async #once(key: string, account: string, given: Given): Promise<Submitted> {
    const { records, clock } = this.#parts;
    const known = async () => {
      const record = await records.get(kind, key);
      return record && (JSON.parse(record.value) as Submitted);
    };
    const earlier = await known();
    if (earlier !== undefined) return earlier;
    const expires = clock.now() + rememberedMs;
    try {
      // With the message, in one transaction: whatever ends us, it is known by its key or not taken.
      return await this.#send(account, given, (taken) => [
        { kind, key, value: JSON.stringify(asSubmitted(taken)), expires },
      ]);
    } catch (error) {
      // Another node that was asked at the same time has taken it, and the queue does not take it twice.
      const meanwhile = await known();
      if (meanwhile === undefined) throw error;
      return meanwhile;
    }
  }

  async #accountOf({ account, from }: Given): Promise<string> {
    const named = account ?? formatMailbox(one(from, 'from').mailbox);
    const found = await this.#parts.accountOf(named);
    if (found === undefined)
      throw new OperationError(
        `${named} is no account here: say with \`account\` whose mail it is`,
      );
    return found;
  }

  async #send(account: string, given: Given, records?: HandIn['records']): Promise<Submitted> {
    const from = one(given.from, 'from');
    const [to, cc, bcc] = [many(given.to, 'to'), many(given.cc, 'cc'), many(given.bcc, 'bcc')];
    const recipients = [
      ...new Map([...to, ...cc, ...bcc].map((each) => [each.wire, each.mailbox])),
    ];
    if (recipients.length === 0) throw new OperationError('there is nobody in to, cc or bcc');
    const content =
      given.raw === undefined
        ? composedMessage({
            ...{ from: from.shown, to: to.map(shown), cc: cc.map(shown) },
            replyTo: many(given.replyTo, 'replyTo').map(shown),
            ...{ subject: given.subject ?? '', text: given.text ?? '', html: given.html ?? '' },
            files: (given.attachments ?? []).map(fileOf),
            fields: fieldsOf(given.headers ?? {}),
            date: this.#parts.clock.now(),
            domain: from.mailbox.domain,
          })
        : decodeBase64(Buffer.from(given.raw));
    if (content.length > this.#parts.messageBytesMax())
      throw new OperationError(`the message has ${content.length} octets, which is too much here`);
    try {
      const taken = await this.#parts.handIn({
        ...{ account, client: '', sender: from.mailbox, content, records },
        recipients: recipients.map(([, mailbox]) => mailbox),
      });
      return asSubmitted(taken);
    } catch (error) {
      if (error instanceof HandInRefused) throw new OperationError(`refused: ${error.message}`);
      throw error;
    }
  }
}

const asSubmitted = (taken: HandedIn): Submitted => ({
  ...taken,
  messageId: taken.messageId ?? '',
});

interface Person {
  readonly mailbox: Mailbox;
  readonly wire: string;
  readonly shown: ComposedAddress;
}

const shown = (person: Person): ComposedAddress => person.shown;

const many = (given: Given['to'], field: string): Person[] =>
  (given === undefined ? [] : [given].flat()).map((text) => one(text, field));

/** `Ann <ann@example.org>`, or the address alone. */
function one(text: string, field: string): Person {
  const [found, ...others] = parseAddressList(text);
  const isAlone = found?.kind === 'mailbox' && others.length === 0 && !/[\r\n\0]/.test(text);
  const mailbox = isAlone ? parseMailbox(formatMailbox(found)) : undefined;
  if (mailbox === undefined || mailbox.domain === '')
    throw new OperationError(`${field}: ${JSON.stringify(text)} is no address`);
  const wire = formatMailbox(mailbox);
  const name = found?.kind === 'mailbox' ? found.name : undefined;
  return { mailbox, wire, shown: { name, address: wire } };
}

function fileOf(file: NonNullable<Given['attachments']>[number]) {
  return {
    name: file.filename,
    type: file.contentType ?? 'application/octet-stream',
    content: decodeBase64(Buffer.from(file.content)),
    cid: file.contentId,
  };
}

/** What the message has anyway, or must not have. */
const ours: ReadonlySet<string> = new Set([
  ...['from', 'to', 'cc', 'bcc', 'reply-to', 'subject', 'date', 'mime-version', 'sender'],
  ...[
    'content-type',
    'content-transfer-encoding',
    'content-disposition',
    'received',
    'return-path',
  ],
]);

function fieldsOf(headers: Readonly<Record<string, string>>) {
  return Object.entries(headers).map(([name, value]) => {
    // RFC 5322 §3.6.8
    if (!/^[!-9;-~]{1,76}$/.test(name))
      throw new OperationError(`headers: ${name} is no field name`);
    if (ours.has(name.toLowerCase()))
      throw new OperationError(`headers: ${name} is not for you to set`);
    return [name, value] as const;
  });
}
