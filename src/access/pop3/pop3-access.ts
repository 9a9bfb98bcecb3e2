// What a POP3 session asks, answered: logins, messages, and their removal at the end. RFC 1939,
// RFC 3206 for the codes that tell a user's mistake from a trouble of ours.

import { unreachable } from '../../base/assert.ts';
import { stackOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import type { Counter } from '../../base/metrics.ts';
import type { Peer } from '../../net/peer.ts';
import type { Login, LoginRefusal, LoginResult } from '../../policy/accounts/login.ts';
import type { Answer, Question } from '../../pop3/event.ts';
import { err } from '../../pop3/response.ts';
import { type Content, ContentError } from '../../store/content.ts';
import type { Maildrops, OpenMaildrop } from './maildrops.ts';

export interface Pop3AccessParts {
  readonly login: Login;
  readonly maildrops: Pick<Maildrops, 'open'>;
  readonly loginDelay: number;
  readonly log: Log;
  /** Messages sent in all sessions. */
  readonly retrievals?: Counter | undefined;
}

type MessageQuestion = Extract<Question, { readonly kind: 'message' }>;

const refused = (...response: Parameters<typeof err>): Answer => ({
  kind: 'refused',
  response: err(...response),
});

// RFC 3206 §5: AUTH where other credentials would help; §4: SYS where they would not.
const wrong = refused('user name or password is wrong', 'AUTH');
const malformed = refused('authentication exchange cannot be understood');
const unknown = refused('unrecognized authentication mechanism');
const later = refused('temporary failure, try again later', 'SYS/TEMP');
const blocked: Answer = {
  kind: 'refused',
  response: err('too many failed logins from your network, try again later', 'SYS/TEMP'),
  close: true,
};
// RFC 2449 §8.1
const inUse = refused('another session has this mailbox open', 'IN-USE');
const tooSoon = refused('logins are too frequent, wait a little', 'LOGIN-DELAY');
// RFC 3206 §4: SYS/PERM, what needs a human.
const unreadable = refused(
  'the server cannot read the content of this message: ask the postmaster for a backup',
  'SYS/PERM',
);
const gone = refused('no such message any more: another program removed it');
const notRemoved = refused('deleted messages were not removed, try again later', 'SYS/TEMP');

export class Pop3Access {
  readonly #parts: Pop3AccessParts;
  #maildrop: OpenMaildrop | undefined;
  #sent = 0;
  #octetsSent = 0;
  #removed = 0;

  constructor(parts: Pop3AccessParts) {
    this.#parts = parts;
  }

  /** Who has logged in. */
  get account(): string | undefined {
    return this.#maildrop?.account;
  }

  /** Never rejects: what nobody foresaw is a trouble of ours, and passes. */
  async answer(
    question: Exclude<Question, { readonly kind: 'message' }>,
    peer: Peer,
  ): Promise<Answer> {
    const { login } = this.#parts;
    try {
      switch (question.kind) {
        case 'login':
          return await this.#open(await login.password(question.user, question.password, peer));
        case 'auth':
          return await this.#open(await login.start(question.mechanism, question.initial, peer));
        case 'auth-response':
          return await this.#open(await login.respond(question.response));
        case 'update':
          return await this.#update(question.deleted);
        default:
          return unreachable(question);
      }
    } catch (error) {
      this.#failed(question.kind, error);
      return question.kind === 'update' ? notRemoved : later;
    }
  }

  /** A message, or why not; a promise only where the store must be asked. */
  message({ index, whole, more }: MessageQuestion): Content | Answer | Promise<Content | Answer> {
    const maildrop = this.#maildrop;
    if (maildrop === undefined) return gone;
    const found = maildrop.read(index, more);
    if (found instanceof Promise)
      return found.then(
        (content) => this.#found(content, whole),
        (error: unknown) => this.failedMessage(error),
      );
    return this.#found(found, whole);
  }

  /** The content could not be read. */
  failedMessage(error: unknown): Answer {
    this.#failed('message', error);
    return error instanceof ContentError ? unreadable : later;
  }

  cancelLogin(): void {
    this.#parts.login.cancel();
  }

  /** RFC 1939 §6: the lock goes whatever ended the session. */
  close(): void {
    const maildrop = this.#maildrop;
    if (maildrop === undefined) return;
    this.#maildrop = undefined;
    maildrop.close();
    this.#parts.log.info('mailbox closed', {
      account: maildrop.account,
      messages: maildrop.messages.length,
      retrieved: this.#sent,
      bytesOut: this.#octetsSent,
      removed: this.#removed,
    });
  }

  async #open(result: LoginResult): Promise<Answer> {
    if (result.kind === 'challenge') return result;
    if (result.kind === 'refused') return refusals[result.reason];
    const { maildrops, loginDelay } = this.#parts;
    const opening = await maildrops.open(result.account, { loginDelay });
    switch (opening.kind) {
      case 'open':
        this.#maildrop = opening.maildrop;
        return { kind: 'opened', messages: opening.maildrop.messages };
      case 'in-use':
      case 'too-soon':
        // The login was good: nothing else says why there is no mail.
        this.#parts.log.info('mailbox not opened', {
          account: result.account,
          reason: opening.kind,
        });
        return opening.kind === 'in-use' ? inUse : tooSoon;
      default:
        return unreachable(opening);
    }
  }

  async #update(deleted: readonly number[]): Promise<Answer> {
    try {
      await this.#maildrop?.remove(deleted);
      this.#removed = deleted.length;
      return { kind: 'updated' };
    } finally {
      // Before the response: a client that logs in again as soon as it has it must find the mailbox unlocked.
      this.close();
    }
  }

  #found(content: Content | undefined, whole: boolean): Content | Answer {
    if (content === undefined) return gone;
    if (whole) {
      this.#sent += 1;
      this.#parts.retrievals?.add();
      this.#octetsSent += content.size;
    }
    return content;
  }

  #failed(during: string, error: unknown): void {
    this.#parts.log.error('mailbox failed', {
      during,
      account: this.#maildrop?.account,
      error: stackOf(error),
    });
  }
}

const refusals: Readonly<Record<LoginRefusal, Answer>> = {
  credentials: wrong,
  malformed,
  temporary: later,
  blocked,
  unknown,
};
