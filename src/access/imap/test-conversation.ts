// One IMAP conversation without a connection, for tests: commands go in, untagged responses and the
// completion come out, and updates are told when a real conversation would tell them.

import assert from 'node:assert/strict';
import type { Clock } from '../../base/clock.ts';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import type { Completion, Enabled, OwnersCommand } from '../../imap/event.ts';
import { defaultImapLimits } from '../../imap/limits.ts';
import { OpenFolders } from '../../mailbox/open-folders.ts';
import { memoryContent, type StoredContent } from '../../store/content.ts';
import type { FolderStore } from '../../store/folder-store.ts';
import type { Spool } from '../../store/spool.ts';
import { executorOf, keepsNumbers } from './commands/index.ts';
import { completionFor } from './completion.ts';
import type { CommandContext, Urls } from './context.ts';
import { DigestTexts } from './fetch/digest-texts.ts';
import { AccountNames } from './names.ts';

/** What the conversations of one process share. */
export interface TestProcess {
  readonly store: FolderStore;
  readonly openFolders: OpenFolders;
  readonly texts: DigestTexts;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly sorted?: CommandContext['sorted'];
  readonly urls: Urls;
}

/** Lends nothing. */
export const noUrls: Urls = {
  authorize: async () => undefined,
  redeem: async () => ({ kind: 'refused' }),
  keys: { reset: async () => {}, resetAll: async () => {} },
};

export const testProcess = (
  store: FolderStore,
  spool: Spool = memorySpool,
  clock: Clock = new FakeClock(),
): TestProcess => ({
  ...{ store, openFolders: new OpenFolders(store), texts: new DigestTexts() },
  ...{ spool, clock, urls: noUrls },
});

/** The store, but for some methods. */
export const storeBut = (store: FolderStore, others: Partial<FolderStore>): FolderStore =>
  new Proxy(store, {
    get(target, name) {
      const found: unknown = Reflect.get(others, name) ?? Reflect.get(target, name);
      return typeof found === 'function' ? found.bind(target) : found;
    },
  });

/** One whose events are on their way for as long as the test lasts, as they may be on another node. */
export const untoldStore = (store: FolderStore): FolderStore =>
  storeBut(store, { watch: () => () => {} });

export class TestConversation {
  readonly context: CommandContext;
  readonly enabled: Set<Enabled>;
  /** Untagged responses so far, octets as latin1, with CRLF. */
  #output = '';
  #awake = false;
  #tags = 0;

  constructor(process: TestProcess, account: string, enabled: readonly Enabled[] = []) {
    this.enabled = new Set(enabled);
    this.context = {
      ...{ ...process, account, tag: '', admin: 'mailto:postmaster@example.org' },
      names: new AccountNames(account, process.store),
      limits: defaultImapLimits,
      quota: { bytes: undefined, messages: undefined },
      log: silentLog,
      selected: undefined,
      updates: undefined,
      sorted: process.sorted,
      accountOf: async (address) => address,
      isEnabled: (extension) => this.enabled.has(extension),
      wake: () => {
        this.#awake = true;
      },
      untagged: (response) => this.#say(`* ${response}\r\n`),
      raw: (octets) => this.#say(octets),
      room: () => undefined,
    };
  }

  /** Whether something is to be told; taken once. */
  get awake(): boolean {
    const awake = this.#awake;
    this.#awake = false;
    return awake;
  }

  /** What was said, as lines without `* `, then the completion. */
  async run(command: OwnersCommand): Promise<string[]> {
    const completion = await this.execute(command);
    return [...this.taken(), completionText(completion)];
  }

  async execute(command: OwnersCommand): Promise<Completion> {
    const { context } = this;
    context.tag = `a${++this.#tags}`;
    let completion: Completion;
    try {
      completion = await executorOf(command)(command, context);
    } catch (error) {
      completion = completionFor(error, { ...context, during: command.name });
    }
    await context.updates?.tell(keepsNumbers(command) ? 'keep-numbers' : 'command');
    return completion;
  }

  select(mailbox: string, name: 'SELECT' | 'EXAMINE' = 'SELECT'): Promise<string[]> {
    return this.run({ name, mailbox, condstore: false, qresync: undefined });
  }

  /** What is told while the client waits. */
  async idle(): Promise<string[]> {
    await this.context.updates?.tell('idle');
    return this.taken();
  }

  taken(): string[] {
    return this.output()
      .split(/\r\n(?=\* |$)/)
      .filter((line) => line !== '')
      .map((line) => line.slice(2));
  }

  output(): string {
    const output = this.#output;
    this.#output = '';
    return output;
  }

  close(): void {
    this.context.updates?.close();
  }

  #say(octets: Uint8Array | string): void {
    this.#output += typeof octets === 'string' ? octets : Buffer.from(octets).toString('latin1');
  }
}

const completionText = ({ status, code, text }: Completion): string =>
  code === undefined ? `${status} ${text}` : `${status} [${code}]`;

/** Keeps nothing but what is being written. */
export const memorySpool: Spool = {
  create() {
    let pieces: Uint8Array[] = [];
    return {
      get size() {
        return pieces.reduce((sum, { length }) => sum + length, 0);
      },
      write(bytes) {
        pieces.push(Buffer.from(bytes));
        return undefined;
      },
      commit: async () => ({ kind: 'inline', bytes: Buffer.concat(pieces) }),
      release() {},
      async abort() {
        pieces = [];
      },
    };
  },
  store: async (bytes) => ({ kind: 'inline', bytes }),
  open(stored) {
    assert.equal(stored.kind, 'inline', 'there are no files');
    return memoryContent((stored as Extract<StoredContent, { kind: 'inline' }>).bytes);
  },
  async remove() {},
  async [Symbol.asyncDispose]() {},
};
