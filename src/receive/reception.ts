// SPINE 1: from an accepted connection to a queued message. Answers a ServerSession's questions;
// reads top to bottom as a transaction goes. Whatever is refused is refused here, before the 250:
// what is refused later must be bounced, and bounces to forged senders are spam.

import { assert, unreachable } from '../base/assert.ts';
import type { Mailbox, ReversePath } from '../mail/fields/address.ts';
import { scanHeader } from '../mail/header/header.ts';
import type { Peer } from '../net/peer.ts';
import type { LoginResult } from '../policy/accounts/login.ts';
import type { AddressMap } from '../policy/addresses/address-map.ts';
import type { Objection } from '../policy/answers.ts';
import { Answers } from '../policy/answers.ts';
import type { AcceptedRecipient, ClientFacts } from '../policy/envelope.ts';
import type { SessionTracer } from '../queue/story/message-tracer.ts';
import { capableRecipient } from '../smtp/extensions/conneg.ts';
import type { MailParam, RcptParam } from '../smtp/extensions/index.ts';
import { findParam } from '../smtp/extensions/index.ts';
import type { ToldClient } from '../smtp/extensions/xclient.ts';
import type { Reply } from '../smtp/reply.ts';
import { replies, reply } from '../smtp/reply.ts';
import type { Question, Refused } from '../smtp/server/event.ts';
import type { BesideMailParts } from './beside-mail.ts';
import { BesideMail } from './beside-mail.ts';
import { ClientJudgement } from './client-judgement.ts';
import type { CompletingParts } from './complete-message.ts';
import { completeMessage } from './complete-message.ts';
import type { Answerer, Replies, ServerAnswer, Told } from './conversation.ts';
import { IncomingContent } from './incoming-content.ts';
import { loginAnswer } from './login.ts';
import type { PresentClientParts } from './present-client.ts';
import { PresentClient } from './present-client.ts';
import type { RefusalNotesParts } from './refusal-notes.ts';
import { RefusalNotes } from './refusal-notes.ts';
import type { Transaction } from './taking.ts';
import type { Proxies } from './told-client.ts';
import { introduce } from './told-client.ts';
import { loginStep, tlsStep } from './traced-session.ts';
import type { VerificationParts } from './verification.ts';
import { noExpansion, verify } from './verification.ts';

export interface ReceptionParts
  extends CompletingParts,
    PresentClientParts,
    RefusalNotesParts,
    VerificationParts,
    BesideMailParts {
  /** Of the connection, in somebody's traces. */
  readonly trace?: Pick<SessionTracer, 'step' | 'ended'> | undefined;
  /** Who may tell by XCLIENT for whom they speak. */
  readonly proxies?: Proxies | undefined;
  readonly addressMap: Pick<AddressMap, 'resolve'>;
  /** What the device of a recipient can show (RFC 2533), where it is known; undefined: of nobody. */
  readonly featureSetOf?: ((recipient: Mailbox) => string | undefined) | undefined;
  readonly mechanisms: (peer: Peer) => readonly string[];
}

export class Reception implements Answerer {
  readonly #parts: ReceptionParts;
  readonly #client: PresentClient;
  readonly #refusals: RefusalNotes;
  readonly #judgement: ClientJudgement;
  readonly #besideMail: BesideMail;
  readonly #content = new IncomingContent();
  #transaction: Transaction | undefined;
  /** Of the present transaction, or of the last one. */
  #answers: Answers;
  /** Of the last content that was complete. */
  #messageId: string | undefined;
  #loginBegan = 0;

  constructor(parts: ReceptionParts) {
    this.#parts = parts;
    this.#client = new PresentClient(parts);
    this.#refusals = new RefusalNotes(parts, this.#client);
    this.#judgement = new ClientJudgement(parts);
    this.#besideMail = new BesideMail(parts);
    this.#answers = this.#judgement.answers;
  }

  answer(question: Question): ServerAnswer | Promise<ServerAnswer> {
    switch (question.kind) {
      case 'connect':
        return this.#connect();
      case 'hello':
        this.#client.introduced(question.client, question.verb !== 'HELO');
        return orOk(this.#judgement.greeted(this.client));
      case 'mail':
        return this.#mail(question.from, question.params);
      case 'rcpt':
        return this.#rcpt(question.to, question.params);
      case 'data':
        return this.#data();
      case 'message':
        return this.#message();
      case 'vrfy':
        return verify(question, this.#client.mayRelay, this.#parts);
      case 'expn':
        return noExpansion;
      case 'etrn':
        return this.#besideMail.etrn(question.argument);
      case 'unknown':
        return this.#unknown(question.line);
      case 'burl':
        return this.#besideMail.burl(question.url, this.#client.account);
      case 'atrn':
        return this.#besideMail.atrn(question.domains, this.#client.account);
      case 'auth':
        this.#loginBegan = this.#parts.clock.now();
        return this.#loggingIn(this.#client.startLogin(question.mechanism, question.initial));
      case 'auth-response':
        return this.#loggingIn(this.#client.respondLogin(question.response));
      case 'xclient':
        return this.#told(question.told);
      default:
        return unreachable(question);
    }
  }

  refused(refused: Refused, cause: string | undefined): void {
    const { stage, sender, content } = refused;
    const { findings } = sender === undefined ? this.#judgement.answers : this.#answers;
    const messageId = stage === 'content' ? this.#refusedMessageId(content) : undefined;
    this.#refusals.refused(refused, cause, { findings, messageId });
  }

  tlsFailed(error: string): void {
    this.#refusals.note({ stage: 'starttls', reason: error });
  }

  /** Of content that is still being received, or was looked at a moment ago. */
  #refusedMessageId(rest: Uint8Array = new Uint8Array()): string | undefined {
    const head = this.#content.head;
    return head === undefined ? this.#messageId : scanHeader(Buffer.concat([head, rest])).messageId;
  }

  secured(peer: Peer): { readonly mechanisms: readonly string[]; readonly trusted: boolean } {
    const { trace, clock } = this.#parts;
    if (trace !== undefined && peer.tls !== undefined) trace.step(tlsStep(peer.tls, clock.now()));
    this.#client.secured(peer);
    this.#judgement.secured(this.client);
    return { mechanisms: this.#parts.mechanisms(peer), trusted: this.#client.trusted };
  }

  get account(): string | undefined {
    return this.#client.account;
  }

  get client(): ClientFacts {
    return this.#client.facts;
  }

  async #loggingIn(pending: Promise<LoginResult>): Promise<ServerAnswer> {
    const result = await pending;
    const { trace, clock } = this.#parts;
    const times = { from: this.#loginBegan, to: clock.now() };
    const step = trace && loginStep(this.#client.mechanism, result, times);
    if (step !== undefined) trace?.step(step);
    return loginAnswer(result);
  }

  /** XCLIENT: from now on the client is somebody else, whom nobody has judged yet. */
  async #told(told: ToldClient): Promise<Told | Reply> {
    const { proxies, log } = this.#parts;
    assert(proxies !== undefined, 'XCLIENT is offered where there are proxies');
    const before = this.#client.ends;
    const client = await introduce(told, before, proxies);
    if ('code' in client) return client;
    const { remote, hello, introduced, account } = client;
    const reason = `XCLIENT from ${before.remote.address}`;
    log.info('client told', { client: remote.address, hello: hello || undefined, account, reason });
    this.#client.told(client);
    this.#judgement.begin();
    this.#answers = this.#judgement.answers;
    return {
      newClient: {
        trusted: this.#client.trusted,
        // Whoever speaks through a proxy of ours is no proxy, unless named as one.
        xclient: proxies.has(remote.address),
        authenticated: account !== undefined,
        introduced,
      },
    };
  }

  async #connect(): Promise<Reply> {
    const objection = await this.#judgement.connected(this.client, this.#client.isEncrypted);
    return objection ?? replies.greeting;
  }

  #mail(sender: ReversePath, params: readonly MailParam[]): Reply | Promise<Reply> {
    const { policies, log, clock, messageId } = this.#parts;
    const { client } = this;
    const recipients: AcceptedRecipient[] = [];
    const answers = new Answers(log, this.#judgement.answers.findings);
    const { findings } = answers;
    let id: string | undefined;
    const queueId = (): string => {
      id ??= messageId();
      return id;
    };
    const transaction = {
      envelope: { client, sender, params, recipients, findings, queueId },
      answers,
      recipients,
      extended: this.#client.extended,
      began: clock.now(),
    };
    const begin = (objection: Objection): Reply => {
      if (objection !== undefined) return objection;
      this.#transaction = transaction;
      return senderOk(params);
    };
    this.#answers = answers;
    const asked = answers.ask(policies.mail, (policy) => policy.mail(transaction.envelope));
    return asked instanceof Promise ? asked.then(begin) : begin(asked);
  }

  async #rcpt(to: Mailbox, params: readonly RcptParam[]): Promise<Reply> {
    const { addressMap, policies } = this.#parts;
    const transaction = this.#transaction;
    assert(transaction !== undefined, 'MAIL comes before RCPT');
    const { envelope, answers, recipients } = transaction;
    const { mayRelay } = this.#client;
    const ourAddress = this.#client.ourAddress(to);
    const resolution = await addressMap.resolve(to, { mayRelay, ourAddress });
    if (resolution.kind === 'refuse') return this.#refuseRcpt(to, resolution.reply);
    const recipient = { named: to, params, targets: resolution.recipients };
    const asked = answers.ask(policies.rcpt, (policy) => policy.rcpt(envelope, recipient));
    const objection = asked instanceof Promise ? await asked : asked;
    if (objection !== undefined) return this.#refuseRcpt(to, objection);
    recipients.push(recipient);
    return this.#recipientOk(recipient);
  }

  /** RFC 4141 §5.2: whoever asks hears what the recipient's device can show. */
  #recipientOk({ named, params }: AcceptedRecipient): Reply {
    if (params.length === 0 || findParam(params, 'CONNEG') === undefined)
      return replies.recipientOk;
    const featureSet = this.#parts.featureSetOf?.(named);
    return featureSet === undefined ? replies.recipientOk : capableRecipient(featureSet);
  }

  async #unknown(line: string): Promise<Reply> {
    const { client } = this;
    const { unknown } = this.#parts.policies;
    const objection = await this.#answers.ask(unknown, (policy) => policy.unknown(client, line));
    return objection ?? replies.unknownCommand;
  }

  turned(peer: Peer): Promise<void> {
    return this.#besideMail.turned(peer);
  }

  async #refuseRcpt(to: Mailbox, why: Reply): Promise<Reply> {
    const { envelope } = this.#transaction!;
    let heard = why;
    for (const policy of this.#parts.policies.refusedRcpt)
      heard = (await policy.refusedRcpt(envelope, to, why)) ?? heard;
    return heard;
  }

  #data(): Reply | Promise<Reply> {
    const { spool, policies } = this.#parts;
    const begin = (objection: Objection): Reply => {
      if (objection !== undefined) return objection;
      this.#content.begin(() => spool.create({ relayed: this.#isRelayed() }));
      return replies.startContent;
    };
    const transaction = this.#transaction;
    if (policies.data.length === 0 || transaction === undefined) return begin(undefined);
    const { envelope, answers } = transaction;
    const asked = answers.ask(policies.data, (policy) => policy.data(envelope));
    return asked instanceof Promise ? asked.then(begin) : begin(asked);
  }

  content(bytes: Uint8Array): Promise<void> | undefined {
    const written = this.#content.write(bytes);
    this.#besideMail.passed(bytes.length, written);
    return written;
  }

  #message(): Promise<Reply | Replies> {
    const transaction = this.#transaction;
    assert(transaction !== undefined, 'content follows an envelope');
    // Whatever happens, the next transaction starts empty.
    const writer = this.#content.take();
    this.#messageId = undefined;
    this.#transaction = undefined;
    return completeMessage(transaction, writer, this.#parts, ({ header }) => {
      this.#messageId = header.messageId;
    });
  }

  /** For no mailbox here: then its content may lie in the queue's journal. */
  #isRelayed(): boolean {
    const { wayOf } = this.#parts;
    const recipients = this.#transaction?.recipients ?? [];
    return recipients.every(({ targets }) =>
      targets.every(({ address }) => wayOf(address).delivery !== 'local'),
    );
  }

  /** After RSET, a lost connection or refused content: nothing half-received remains. */
  reset(): Promise<void> | undefined {
    this.#client.cancelLogin();
    this.#besideMail.release();
    this.#endTransaction();
    return this.#content.abort();
  }

  /** The connection is gone, and with it whatever was held for it. */
  closed(): void {
    this.#endTransaction();
    this.#judgement.release();
    this.#parts.trace?.ended(this.#parts.clock.now());
  }

  #endTransaction(): void {
    this.#transaction?.answers.release();
    this.#transaction = undefined;
  }
}

const orOk = (objection: Objection | Promise<Objection>): Reply | Promise<Reply> =>
  objection instanceof Promise ? objection.then(orOk) : (objection ?? replies.ok);

/** RFC 6710 §4.1: X.3.6 when the priority is not the one that was asked for. */
function senderOk(params: readonly MailParam[]): Reply {
  if (params.length === 0) return replies.senderOk;
  const priority = findParam(params, 'MT-PRIORITY');
  if (priority?.wanted === undefined) return replies.senderOk;
  return reply(250, '3.6', `${priority.priority} is the new priority assigned to the message`);
}
