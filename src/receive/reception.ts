// SPINE 1: from an accepted connection to a queued message. Answers a ServerSession's questions;
// reads top to bottom as a transaction goes. Whatever is refused is refused here, before the 250:
// what is refused later must be bounced, and bounces to forged senders are spam.

import { assert, unreachable } from '../base/assert.ts';
import type { Mailbox, ReversePath } from '../mail/address.ts';
import { formatMailbox, parseMailbox } from '../mail/address.ts';
import { scanHeader } from '../mail/header.ts';
import type { Peer } from '../net/peer.ts';
import type { LoginResult } from '../policy/accounts/login.ts';
import type { AddressMap } from '../policy/addresses/address-map.ts';
import type { Objection } from '../policy/answers.ts';
import { Answers } from '../policy/answers.ts';
import type { AcceptedRecipient, ClientFacts } from '../policy/envelope.ts';
import type { Arrival } from '../policy/policy.ts';
import type { Refusal, Refusals } from '../policy/refusals.ts';
import { capableRecipient } from '../smtp/extensions/conneg.ts';
import type { MailParam, RcptParam } from '../smtp/extensions/index.ts';
import { findParam } from '../smtp/extensions/index.ts';
import type { ToldClient } from '../smtp/extensions/xclient.ts';
import type { Reply } from '../smtp/reply.ts';
import { formatReply, replies, reply } from '../smtp/reply.ts';
import type { Question, Refused } from '../smtp/server/event.ts';
import type { ContentWriter } from '../store/spool.ts';
import type { CompletingParts } from './complete-message.ts';
import { completeMessage } from './complete-message.ts';
import type { Answerer, Fetched, Replies, ServerAnswer, Told } from './conversation.ts';
import { loginAnswer } from './login.ts';
import type { PresentClientParts } from './present-client.ts';
import { PresentClient } from './present-client.ts';
import type { Transaction } from './taking.ts';
import type { Proxies } from './told-client.ts';
import { introduce } from './told-client.ts';

export interface ReceptionParts extends CompletingParts, PresentClientParts {
  /** Who may tell by XCLIENT for whom they speak. */
  readonly proxies?: Proxies | undefined;
  readonly addressMap: Pick<AddressMap, 'resolve'>;
  /**
   * What VRFY says: 252 to everything, an honest answer to those who may relay, or 502.
   * RFC 5321 §3.5.3 and §7.3.
   */
  readonly vrfy: 'ambiguous' | 'yes' | 'no';
  /** What the device of a recipient can show (RFC 2533), where it is known; undefined: of nobody. */
  readonly featureSetOf?: ((recipient: Mailbox) => string | undefined) | undefined;
  readonly mechanisms: (peer: Peer) => readonly string[];
  /** Asks for the queue of a domain to be run (ETRN, RFC 1985). */
  readonly startQueue: (node: string) => Promise<Reply>;
  /** What a URL names that the account may read, or why it does not (BURL, RFC 4468); undefined: there is none. */
  readonly fetchUrl?: FetchUrl | undefined;
  /** Who asks for mail that is kept for them; undefined: there is none. */
  readonly turns?: Turns | undefined;
  /** Where a record of what was refused is kept. */
  readonly refusals?: Refusals | undefined;
}

/** The reply ends the transaction. */
export type FetchUrl = (account: string, url: string) => Promise<Uint8Array | Reply>;

/** Hands mail that is kept for an account over to it, on its own connection. RFC 2645. */
export interface Turns {
  /** `turn` comes with a positive reply. */
  ask(
    account: string,
    domains: readonly string[],
  ): Promise<{ readonly reply: Reply; readonly turn?: Turn }>;
}

/** As the client of whoever asked; never fails. */
export type Turn = (peer: Peer) => Promise<void>;

// RFC 4468 §5: X.7.8, trust relationship required.
const urlUntrusted = reply(554, '7.8', 'Log in: URLs name messages of your own mailboxes here');
const noVerification = reply(502, '7.0', 'VRFY is not available');
const noExpansion = reply(502, '7.0', 'EXPN is not available');

export class Reception implements Answerer {
  readonly #parts: ReceptionParts;
  readonly #client: PresentClient;
  /** What follows from ATRN. */
  #turn: Turn | undefined;
  /** What policies have said of TLS, or will. */
  #insecure: Objection | Promise<Objection>;
  /** Of policies, about the connection; its end is theirs. */
  #aboutClient: Answers;
  #transaction: Transaction | undefined;
  /** Of the present transaction, or of the last one. */
  #answers: Answers;
  #content: ContentWriter | undefined;
  /** Of the last content that was complete. */
  #messageId: string | undefined;

  constructor(parts: ReceptionParts) {
    this.#parts = parts;
    this.#client = new PresentClient(parts);
    this.#aboutClient = new Answers(parts.log);
    this.#answers = this.#aboutClient;
  }

  answer(question: Question): ServerAnswer | Promise<ServerAnswer> {
    switch (question.kind) {
      case 'connect':
        return this.#connect();
      case 'hello':
        this.#client.introduced(question.client, question.verb !== 'HELO');
        return this.#greeted();
      case 'mail':
        return this.#mail(question.from, question.params);
      case 'rcpt':
        return this.#rcpt(question.to, question.params);
      case 'data':
        return this.#data();
      case 'message':
        return this.#message();
      case 'vrfy':
        return this.#vrfy(question.argument);
      case 'expn':
        return noExpansion;
      case 'etrn':
        return this.#parts.startQueue(question.argument);
      case 'unknown':
        return this.#unknown(question.line);
      case 'burl':
        return this.#burl(question.url);
      case 'atrn':
        return this.#atrn(question.domains);
      case 'auth':
        return answered(this.#client.startLogin(question.mechanism, question.initial));
      case 'auth-response':
        return answered(this.#client.respondLogin(question.response));
      case 'xclient':
        return this.#told(question.told);
      default:
        return unreachable(question);
    }
  }

  refused(refused: Refused, cause: string | undefined): void {
    const { stage, reply: said, sender, recipients, content } = refused;
    const text = formatReply(said).trimEnd();
    const [first] = recipients;
    const { findings } = sender === undefined ? this.#aboutClient : this.#answers;
    this.#noteRefused({
      stage,
      reply: text.replaceAll('\r\n', ' '),
      reason: cause ?? said.lines.join(' '),
      ...(sender !== undefined && { from: sender === null ? '' : formatMailbox(sender) }),
      ...(first !== undefined && { to: formatMailbox(first) }),
      ...(recipients.length > 1 && { recipients: recipients.length }),
      ...(stage === 'content' && { messageId: this.#refusedMessageId(content) }),
      ...(findings.length > 0 && { findings: [...findings] }),
    });
  }

  tlsFailed(error: string): void {
    this.#noteRefused({ stage: 'starttls', reason: error });
  }

  #noteRefused(facts: Pick<Refusal, 'stage' | 'reason'> & Partial<Refusal>): void {
    const { refusals, session, service, log } = this.#parts;
    if (refusals === undefined) return;
    const { ends, account, hello } = this.#client;
    const who = { client: ends.remote.address, hello: hello || undefined, account };
    refusals.note({ session, service, ...who, ...facts }, log);
  }

  /** Of content that is still being received, or was looked at a moment ago. */
  #refusedMessageId(rest: Uint8Array = new Uint8Array()): string | undefined {
    const head = this.#content?.head?.();
    return head === undefined ? this.#messageId : scanHeader(Buffer.concat([head, rest])).messageId;
  }

  secured(peer: Peer): { readonly mechanisms: readonly string[]; readonly trusted: boolean } {
    this.#client.secured(peer);
    this.#askSecure();
    return { mechanisms: this.#parts.mechanisms(peer), trusted: this.#client.trusted };
  }

  get client(): ClientFacts {
    return this.#client.facts;
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
    this.#insecure = undefined;
    this.#aboutClient.release();
    this.#aboutClient = new Answers(log);
    this.#answers = this.#aboutClient;
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
    const { policies } = this.#parts;
    const { client } = this;
    const about = this.#aboutClient;
    const objection = await about.ask(policies.connect, (policy) => policy.connect(client));
    if (objection !== undefined) return objection;
    if (this.#client.isEncrypted) this.#askSecure();
    return (await this.#insecure) ?? replies.greeting;
  }

  #askSecure(): void {
    const { secure } = this.#parts.policies;
    if (secure.length === 0) return;
    const { client } = this;
    const asked = (async () => this.#aboutClient.ask(secure, (policy) => policy.secure(client)))();
    asked.catch(() => {}); // whoever waits for it hears of it
    this.#insecure = asked;
  }

  #greeted(): Reply | Promise<Reply> {
    const { hello } = this.#parts.policies;
    if (hello.length === 0) return orOk(this.#insecure);
    const { client } = this;
    const ask = async () =>
      (await this.#insecure) ?? this.#aboutClient.ask(hello, (policy) => policy.hello(client));
    return orOk(ask());
  }

  #mail(sender: ReversePath, params: readonly MailParam[]): Reply | Promise<Reply> {
    const { policies, log, clock, messageId } = this.#parts;
    const { client } = this;
    const recipients: AcceptedRecipient[] = [];
    const answers = new Answers(log, this.#aboutClient.findings);
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

  async #burl(url: string): Promise<Reply | Fetched> {
    const { fetchUrl } = this.#parts;
    const { account } = this.#client;
    if (fetchUrl === undefined || account === undefined) return urlUntrusted;
    const fetched = await fetchUrl(account, url);
    return fetched instanceof Uint8Array ? { fetched } : fetched;
  }

  async #atrn(domains: readonly string[]): Promise<Reply> {
    const { turns } = this.#parts;
    const { account } = this.#client;
    if (turns === undefined || account === undefined) return replies.notImplemented;
    const { reply: said, turn } = await turns.ask(account, domains);
    this.#turn = turn;
    return said;
  }

  async turned(peer: Peer): Promise<void> {
    const turn = this.#turn;
    this.#turn = undefined;
    await turn?.(peer);
  }

  async #refuseRcpt(to: Mailbox, why: Reply): Promise<Reply> {
    const { envelope } = this.#transaction!;
    for (const policy of this.#parts.policies.refusedRcpt)
      await policy.refusedRcpt(envelope, to, why);
    return why;
  }

  #data(): Reply | Promise<Reply> {
    const { spool, policies } = this.#parts;
    const begin = (objection: Objection): Reply => {
      if (objection !== undefined) return objection;
      this.#content ??= spool.create({ relayed: this.#isRelayed() });
      return replies.startContent;
    };
    const transaction = this.#transaction;
    if (policies.data.length === 0 || transaction === undefined) return begin(undefined);
    const { envelope, answers } = transaction;
    const asked = answers.ask(policies.data, (policy) => policy.data(envelope));
    return asked instanceof Promise ? asked.then(begin) : begin(asked);
  }

  async #vrfy(argument: string): Promise<Reply> {
    const { vrfy, addressMap } = this.#parts;
    if (vrfy === 'no') return noVerification;
    const mailbox = parseMailbox(argument.trim().replace(/^<(.*)>$/, '$1'));
    if (vrfy === 'ambiguous' || !this.#client.mayRelay || mailbox === undefined)
      return replies.cannotVerify;
    const resolution = await addressMap.resolve(mailbox, { mayRelay: false });
    if (resolution.kind === 'refuse') return resolution.reply;
    return reply(250, '1.5', `<${formatMailbox(mailbox)}>`);
  }

  /** What cannot be kept is the answer to `message`, when the rest has been read. */
  content(bytes: Uint8Array): Promise<void> | undefined {
    const writer = this.#content;
    assert(writer !== undefined, 'content follows "data"');
    const failed = (error: unknown): Promise<void> => {
      if (this.#content === writer) this.#content = failedWriter(error);
      return writer.abort();
    };
    try {
      return writer.write(bytes)?.catch(failed);
    } catch (error) {
      return failed(error);
    }
  }

  #message(): Promise<Reply | Replies> {
    const writer = this.#content;
    const transaction = this.#transaction;
    assert(transaction !== undefined && writer !== undefined, 'content follows an envelope');
    // Whatever happens, the next transaction starts empty.
    this.#messageId = undefined;
    this.#transaction = undefined;
    this.#content = undefined;
    const onArrival = ({ header }: Arrival) => {
      this.#messageId = header.messageId;
    };
    return completeMessage(transaction, writer, { ...this.#parts, onArrival });
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
    this.#endTransaction();
    const content = this.#content;
    this.#content = undefined;
    return content?.abort();
  }

  /** The connection is gone, and with it whatever was held for it. */
  closed(): void {
    this.#endTransaction();
    this.#aboutClient.release();
  }

  #endTransaction(): void {
    this.#transaction?.answers.release();
    this.#transaction = undefined;
  }
}

const answered = async (pending: Promise<LoginResult>): Promise<ServerAnswer> =>
  loginAnswer(await pending);

const orOk = (objection: Objection | Promise<Objection>): Reply | Promise<Reply> =>
  objection instanceof Promise ? objection.then(orOk) : (objection ?? replies.ok);

/** RFC 6710 §4.1: X.3.6 when the priority is not the one that was asked for. */
function senderOk(params: readonly MailParam[]): Reply {
  if (params.length === 0) return replies.senderOk;
  const priority = findParam(params, 'MT-PRIORITY');
  if (priority?.wanted === undefined) return replies.senderOk;
  return reply(250, '3.6', `${priority.priority} is the new priority assigned to the message`);
}

/** Stands in for a writer that failed: takes the rest of the content, and fails at its end. */
const failedWriter = (error: unknown): ContentWriter => ({
  size: 0,
  write: () => undefined,
  commit: () => Promise.reject(error),
  release: () => {},
  abort: () => Promise.resolve(),
});
