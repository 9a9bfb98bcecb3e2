// What an IMAP session asks, answered: logins, commands, the messages of APPEND. Holds what the
// commands of one conversation share from the login on. RFC 9051, RFC 5530 for the response codes.

import { assert, unreachable } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Counter } from '../../base/metrics.ts';
import type { Answer, Completion, OwnersCommand, Question } from '../../imap/event.ts';
import type { ImapLimits } from '../../imap/limits.ts';
import type { OpenFolders } from '../../mailbox/open-folders.ts';
import type { Peer } from '../../net/peer.ts';
import type { Login, LoginRefusal, LoginResult } from '../../policy/accounts/login.ts';
import type { FolderStore } from '../../store/folder-store.ts';
import type { Spool } from '../../store/spool.ts';
import { Append } from './append.ts';
import { executorOf, keepsNumbers } from './commands/index.ts';
import { completionFor } from './completion.ts';
import type { CommandContext, Updates } from './context.ts';
import type { DigestTexts } from './fetch/digest-texts.ts';
import { AccountNames } from './names.ts';
import { ImapRefusal, no, ok } from './refusal.ts';
import type { Voice } from './voice.ts';

/** What the commands of all conversations share. */
export interface ImapAccessParts {
  readonly store: FolderStore;
  readonly openFolders: OpenFolders;
  readonly texts: DigestTexts;
  readonly spool: Spool;
  readonly limits: ImapLimits;
  readonly quota: CommandContext['quota'];
  readonly admin: string;
  readonly urls: CommandContext['urls'];
  readonly accountOf: (address: string) => Promise<string | undefined>;
  /** When the account of that name was made; undefined: it is not among ours. */
  readonly createdOf: (account: string) => Promise<number | undefined>;
  readonly login: Login;
  readonly sorted?: CommandContext['sorted'];
  readonly clock: Clock;
  readonly log: Log;
  /** Commands of all sessions. */
  readonly commands?: Counter | undefined;
}

type AppendQuestion = Extract<Question, { kind: 'append' | 'append-part' | 'append-end' }>;

/** Commands that need nothing of what is selected. */
const leaving: ReadonlySet<string> = new Set(['SELECT', 'EXAMINE', 'UNSELECT', 'CLOSE']);

const accountRemoved = 'The account has been removed';
const proceed: Answer = { kind: 'proceed' };
const unavailable = no('UNAVAILABLE', 'Temporary failure, try again later');

export class ImapAccess {
  readonly #parts: ImapAccessParts;
  readonly #voice: Voice;
  #context: CommandContext;
  #appender: Append | undefined;
  /** Why what is being appended cannot be kept: said when the session asks next. */
  #appendError: { readonly error: unknown } | undefined;
  /** The client has enabled CONDSTORE, and been told what belongs to that. */
  #hasCondstore = false;
  /** As it was at the login. */
  #created: number | undefined;
  /** Who logged in is nobody's account any more: whoever has its name now is somebody else. */
  #isRemoved = false;
  #commands = 0;
  #appended = 0;

  constructor(parts: ImapAccessParts, voice: Voice) {
    this.#parts = parts;
    this.#voice = voice;
    this.#context = this.#newContext('');
  }

  get account(): string {
    return this.#context.account;
  }

  /** Why the conversation cannot go on. */
  get over(): string | undefined {
    return this.#isRemoved ? accountRemoved : this.#context.updates?.over;
  }

  get updates(): Updates | undefined {
    return this.#context.updates;
  }

  /** @throws ConnectionLost */
  async answer(question: Question, peer: Peer): Promise<Answer> {
    const { login } = this.#parts;
    switch (question.kind) {
      case 'login':
        return this.#loggedIn(login.password(question.user, question.password, peer));
      case 'authenticate':
        return this.#loggedIn(login.start(question.mechanism, question.initial, peer));
      case 'auth-response':
        return this.#loggedIn(login.respond(question.response));
      case 'command':
        return this.#command(question.tag, question.command);
      case 'append':
      case 'append-part':
      case 'append-end':
        return this.#append(question);
      case 'idle':
        return proceed;
      default:
        return unreachable(question);
    }
  }

  cancelLogin(): void {
    this.#parts.login.cancel();
  }

  /** What is new, between commands. @throws ConnectionLost */
  async tell(when: Parameters<Updates['tell']>[0]): Promise<void> {
    try {
      await this.#checkAuthority();
      await this.#context.updates?.tell(when);
    } catch (error) {
      this.#completionFor(error, 'updates');
    }
  }

  // The octets of APPEND: failures wait for the next question.

  content(octets: Uint8Array): Promise<void> | undefined {
    return this.#keep((appender) => appender.content(octets));
  }

  messageEnd(): Promise<void> | undefined {
    this.#appended += 1;
    return this.#keep((appender) => appender.messageEnd());
  }

  async abortAppend(): Promise<void> {
    const appender = this.#appender;
    this.#appender = undefined;
    this.#appendError = undefined;
    try {
      await appender?.abort();
    } catch (error) {
      this.#completionFor(error, 'APPEND');
    }
  }

  /** The connection is gone. */
  async close(octets: { readonly received: number; readonly sent: number }): Promise<void> {
    await this.abortAppend();
    this.#leave(octets);
  }

  async #loggedIn(pending: Promise<LoginResult>): Promise<Answer> {
    try {
      const result = await pending;
      if (result.kind === 'challenge') return result;
      if (result.kind === 'refused') return refusals[result.reason];
      const created = await this.#parts.createdOf(result.account);
      await this.#parts.store.ensure(result.account);
      this.#created = created;
      this.#context = this.#newContext(result.account);
      return { ...ok('Logged in'), state: 'authenticated' };
    } catch (error) {
      this.#completionFor(error, 'login');
      return unavailable;
    }
  }

  async #command(tag: string, command: OwnersCommand): Promise<Completion> {
    this.#commands += 1;
    this.#parts.commands?.add();
    const context = this.#context;
    context.tag = tag;
    let completion: Completion;
    try {
      await this.#checkAuthority();
      if (!leaving.has(command.name) && context.selected?.rights.includes('r') === false)
        return this.#withGoodbye(no('NOPERM', 'Nothing can be done with this mailbox'));
      this.#tellModseq(command);
      completion = await executorOf(command)(command, context);
    } catch (error) {
      completion = this.#completionFor(error, command.name);
    }
    if (completion.state === 'unauthenticated') {
      this.#leave();
      this.#context = this.#newContext('');
      return completion;
    }
    await this.tell(keepsNumbers(command) ? 'keep-numbers' : 'command');
    return this.#withGoodbye(completion);
  }

  async #append(question: AppendQuestion): Promise<Answer> {
    const name = 'target' in question ? question.target.name : 'APPEND';
    try {
      if (question.kind === 'append' && question.first) {
        await this.#checkAuthority();
        await this.abortAppend();
        this.#appender = new Append(this.#context);
      }
      const appender = this.#appender;
      assert(appender !== undefined, 'what is appended begins with its first message');
      if (this.#appendError !== undefined) throw this.#appendError.error;
      if (question.kind === 'append') return await appender.begin(question);
      if (question.kind === 'append-part') return await appender.part(question);
      const completion = await appender.end(question);
      this.#appender = undefined;
      await this.tell('command');
      return this.#withGoodbye(completion);
    } catch (error) {
      const completion = this.#completionFor(error, name);
      await this.abortAppend();
      return this.#withGoodbye(completion);
    }
  }

  // RFC 4314 §4 and §5.1.1: rights on what others own may go while it is selected, and so may the account.
  async #checkAuthority(): Promise<void> {
    const { selected, account, names } = this.#context;
    if (this.#created !== undefined && (await this.#parts.createdOf(account)) !== this.#created) {
      this.#isRemoved = true;
      throw new ImapRefusal('NO', 'NOPERM', accountRemoved);
    }
    if (selected === undefined || selected.folder.account === account) return;
    selected.allow(await names.rightsOn(selected.folder), this.#context);
  }

  // RFC 7162 §3.1: the command that enables CONDSTORE while a mailbox is selected; SELECT says it anyway.
  #tellModseq({ name }: OwnersCommand): void {
    const { selected, isEnabled, untagged } = this.#context;
    if (this.#hasCondstore || !isEnabled('CONDSTORE')) return;
    this.#hasCondstore = true;
    if (selected === undefined || name === 'SELECT' || name === 'EXAMINE') return;
    untagged(`OK [HIGHESTMODSEQ ${selected.open.modseq}] Highest`);
  }

  #withGoodbye(completion: Completion): Completion {
    const bye = this.over;
    return bye === undefined ? completion : { ...completion, bye };
  }

  #keep(take: (appender: Append) => Promise<void> | undefined): Promise<void> | undefined {
    const appender = this.#appender;
    if (appender === undefined || this.#appendError !== undefined) return undefined;
    const failed = (error: unknown) => {
      this.#appendError = { error };
    };
    try {
      return take(appender)?.catch(failed);
    } catch (error) {
      failed(error);
      return undefined;
    }
  }

  #completionFor(error: unknown, during: string): Completion {
    return completionFor(error, { during, account: this.account, log: this.#parts.log });
  }

  /** Nobody is logged in any more. */
  #leave(octets?: { readonly received: number; readonly sent: number }): void {
    const { account, updates } = this.#context;
    updates?.close();
    this.#created = undefined;
    this.#hasCondstore = false;
    if (account === '') return;
    this.#parts.log.info('mailbox closed', {
      ...{ account, commands: this.#commands, appended: this.#appended },
      ...{ bytesIn: octets?.received, bytesOut: octets?.sent },
    });
    // Whoever logs in next has done nothing yet.
    this.#commands = 0;
    this.#appended = 0;
  }

  #newContext(account: string): CommandContext {
    const { store, openFolders, texts, spool, limits, quota, admin, urls } = this.#parts;
    const { accountOf, clock, log, sorted } = this.#parts;
    return {
      ...{
        account,
        store,
        openFolders,
        texts,
        spool,
        limits,
        quota,
        admin,
        urls,
        accountOf,
        clock,
        log,
      },
      ...{ tag: '', sorted },
      ...this.#voice,
      names: new AccountNames(account, store),
      selected: undefined,
      updates: undefined,
    };
  }
}

const refusals: Readonly<Record<LoginRefusal, Answer>> = {
  credentials: no('AUTHENTICATIONFAILED', 'User name or password is wrong'),
  malformed: { kind: 'completion', status: 'BAD', text: 'The exchange cannot be understood' },
  temporary: unavailable,
  unknown: no('CANNOT', 'There is no such mechanism here'),
  blocked: {
    ...no('UNAVAILABLE', 'Try again later'),
    bye: 'Too many failed logins from your network',
  },
};
