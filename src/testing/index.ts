// postrider/testing: the whole server for somebody's test, on free ports of 127.0.0.1, in memory,
// with a clock that stands still until it is moved and a DNS made of a table.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '../base/fake-clock.ts';
import type { Log } from '../base/log.ts';
import { silentLog } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import type { RunningServer } from '../compose/running-server.ts';
import type { ServerOptions } from '../compose/server.ts';
import { startServer } from '../compose/server.ts';
import type { Config, ConfigInput } from '../config/config.ts';
import { parseConfig } from '../config/parse-config.ts';
import type { SendMailResult } from '../deliver/send-mail/send-mail.ts';
import { sendMail } from '../deliver/send-mail/send-mail.ts';
import type { SendMailOptions } from '../deliver/send-mail/send-mail-options.ts';
import type { FakeZone } from '../dns/fake-resolver.ts';
import { FakeResolver } from '../dns/fake-resolver.ts';
import type { MessageHeader, ParsedMessage } from '../mail/parsed-message.ts';
import { parseMessage, readHeader } from '../mail/parsed-message.ts';
import { addAccount } from '../policy/accounts/account-changes.ts';
import type { NewMailboxMessage } from '../store/folder-store.ts';
import { openStores } from '../store/open-stores.ts';
import type { AppendEffect, Settlement } from '../store/queue-store.ts';
import type { Stores } from '../store/stores.ts';

export { FakeClock } from '../base/fake-clock.ts';
export { FakeResolver } from '../dns/fake-resolver.ts';

/** Limit: after this a delivery that hangs is left to the timeouts of the clock. */
const realTimeMsMax = 2_000;

export interface TestServerOptions {
  /**
   * What differs from the default: one `smtp` listener on a free port that takes mail for any
   * address and delivers it to that address's own inbox.
   */
  readonly config?: ConfigInput;
  /** With `domains` in `config`: whose mailboxes there are. */
  readonly accounts?: readonly (string | { readonly address: string; readonly password: string })[];
  readonly zone?: FakeZone;
  readonly log?: Log;
  readonly policies?: ServerOptions['policies'];
  /** For retries and everything else that is up to chance. */
  readonly seed?: number;
}

/** A message that has arrived in a mailbox: its header decoded. */
export interface CaughtMessage extends MessageHeader {
  readonly id: string;
  readonly mailbox: string;
  /** As it lies in the mailbox: with Return-Path, Delivered-To and Received in front. */
  readonly raw: Buffer;
  /** What a person reads of it. */
  readonly text: string;
  /** Taken apart: HTML, attachments, every part. */
  parse(): ParsedMessage;
}

export interface TestServer extends AsyncDisposable {
  /** The port of the first listener, and of each service. */
  readonly port: number;
  readonly listeners: RunningServer['listeners'];
  readonly clock: FakeClock;
  /**
   * Lets time pass, from one timer to the next. Between them, deliveries under way come to their
   * end in no time, so a retry schedule is jumped over exactly. (`clock.advance` does not wait.)
   */
  advance(byMs: number): Promise<void>;
  readonly dns: FakeResolver;
  /** The server itself, for what is not offered here. */
  readonly server: RunningServer;
  /**
   * Submits one message, unless told otherwise to the first listener and in the clear.
   * @throws Error when it is refused.
   */
  send(mail: SendMailOptions): Promise<SendMailResult>;
  /** Another configuration under the running server, as SIGHUP does it. */
  reload(config: ConfigInput): Promise<void>;
  /** Everything that has arrived so far, in order. */
  readonly messages: readonly CaughtMessage[];
  /** The first message that fits, now or when it comes. @throws Error after `timeoutMs` (5 s). */
  waitFor(
    fits: (message: CaughtMessage) => boolean,
    options?: { readonly timeoutMs?: number },
  ): Promise<CaughtMessage>;
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { zone = {}, log = silentLog, seed = 1 } = options;
  const clock = new FakeClock();
  const dns = new FakeResolver(zone);
  await using undo = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'postrider-testing-'));
  const removeDirectory = () => rm(directory, { recursive: true, force: true });
  undo.defer(removeDirectory);
  const config = configOf(options.config ?? {}, directory);

  const arrivals = new Arrivals();
  const stores = await openStores({ directory: ':memory:', log, clock });
  for (const account of options.accounts ?? []) {
    const { address, password } =
      typeof account === 'string' ? { address: account, password: undefined } : account;
    await addAccount(stores.accounts, address, password, clock);
  }
  const server = await startServer({
    config,
    log,
    clock,
    random: seededRandom(seed),
    resolver: dns,
    ...(options.policies !== undefined && { policies: options.policies }),
    stores: {
      ...arrivals.watch(stores),
      spool: stores.spool,
      accounts: stores.accounts,
      folders: stores.folders,
    },
  });
  undo.move();
  return {
    get port() {
      return server.listeners[0]!.port;
    },
    get listeners() {
      return server.listeners;
    },
    clock,
    advance: (byMs) => advance(clock, server, byMs),
    dns,
    server,
    send: (mail) =>
      sendMail({ host: '127.0.0.1', port: server.listeners[0]!.port, tls: 'none', ...mail }),
    reload: async (next) => void (await server.reload(configOf(next, directory))),
    messages: arrivals.messages,
    waitFor: (fits, { timeoutMs = 5_000 } = {}) => arrivals.waitFor(fits, timeoutMs),
    async [Symbol.asyncDispose]() {
      await stopInNoTime(server, clock);
      await removeDirectory();
    },
  };
}

/** @throws ConfigError with every problem. */
function configOf(given: ConfigInput, directory: string): Config {
  const config = parseConfig({
    dataDirectory: directory, // for a certificate and the history; the stores are in memory
    hostname: 'mx.test.example',
    listeners: [{ service: 'smtp', host: '127.0.0.1', port: 0 }],
    ...given,
  });
  // Without domains of its own it is a catcher.
  return { ...config, dev: given.domains === undefined };
}

/** A clock that stands still would wait for ever for a connection that a test has left open. */
async function stopInNoTime(server: RunningServer, clock: FakeClock): Promise<void> {
  let stopped = false;
  const stopping = server.stop({ graceMs: 1_000 }).finally(() => {
    stopped = true;
  });
  while (!stopped) await clock.advance(100);
  await stopping;
}

async function advance(clock: FakeClock, { runner }: RunningServer, byMs: number): Promise<void> {
  const end = clock.now() + byMs;
  for (;;) {
    await deliveriesEnd(runner);
    const next = clock.nextTimer() ?? end;
    if (next >= end) break;
    await clock.advance(Math.max(0, next - clock.now()));
  }
  await clock.advance(end - clock.now());
  await deliveriesEnd(runner);
}

/** Real sockets take real time: looks until nothing has been under way for a few turns. */
async function deliveriesEnd(runner: RunningServer['runner']): Promise<void> {
  const giveUp = performance.now() + realTimeMsMax;
  for (let quiet = 0; quiet < 5 && performance.now() < giveUp; quiet += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    const { active, unrecorded } = runner.facts;
    if (active + unrecorded === 0) continue;
    quiet = 0;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Sees what settlements put into mailboxes. */
class Arrivals {
  readonly messages: CaughtMessage[] = [];
  readonly #waiting = new Set<(message: CaughtMessage) => void>();

  watch(stores: Stores): Stores {
    const settle = async (settlement: Settlement): Promise<boolean> => {
      const contents = await Promise.all(
        appended(settlement).map((message) => contentOf(stores, settlement, message)),
      );
      const settled = await stores.queue.settle(settlement);
      if (settled) this.#arrived(settlement, contents);
      return settled;
    };
    const queue = new Proxy(stores.queue, {
      get(target, property) {
        if (property === 'settle') return settle;
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    return { ...stores, queue, [Symbol.asyncDispose]: () => stores[Symbol.asyncDispose]() };
  }

  waitFor(fits: (message: CaughtMessage) => boolean, timeoutMs: number): Promise<CaughtMessage> {
    const here = this.messages.find(fits);
    if (here !== undefined) return Promise.resolve(here);
    return new Promise((resolve, reject) => {
      const waiting = (message: CaughtMessage) => {
        if (!fits(message)) return;
        clearTimeout(timer);
        this.#waiting.delete(waiting);
        resolve(message);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        const got = this.messages.map(({ mailbox, subject }) => `${mailbox}: ${subject}`);
        reject(
          new Error(`no such message within ${timeoutMs} ms; arrived: ${got.join('; ') || 'none'}`),
        );
      }, timeoutMs);
      this.#waiting.add(waiting);
    });
  }

  #arrived(settlement: Settlement, contents: readonly Buffer[]): void {
    const { message: id } = settlement;
    for (const [i, { account, prefix }] of appended(settlement).entries()) {
      const raw = Buffer.concat([Buffer.from(prefix), contents[i]!]);
      const message = caught({ id, mailbox: account, raw });
      this.messages.push(message);
      for (const waiting of [...this.#waiting]) waiting(message);
    }
  }
}

const appended = ({ effects }: Settlement): AppendEffect[] =>
  effects.filter((effect) => effect.kind === 'append');

/** What the mailbox will hold, without the fields that are put in front. */
async function contentOf(
  { queue, spool }: Stores,
  { message }: Settlement,
  { content }: NewMailboxMessage,
): Promise<Buffer> {
  const kept =
    content.kind === 'queued' ? (await queue.open(message))?.content : spool.open(content);
  const chunks: Uint8Array[] = [];
  for await (const chunk of kept?.read() ?? []) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}

function caught(facts: Pick<CaughtMessage, 'id' | 'mailbox' | 'raw'>): CaughtMessage {
  const { raw } = facts;
  let parsed: ParsedMessage | undefined;
  const parse = () => (parsed ??= parseMessage(raw));
  const message = {
    ...facts,
    parse,
    get text() {
      return parse().plainText;
    },
  };
  // The getters of the header, not what they give.
  const header = Object.getOwnPropertyDescriptors(readHeader(raw));
  return Object.defineProperties(message, header) as typeof message & MessageHeader;
}
