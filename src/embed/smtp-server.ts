// SmtpServer: the receiving half of Postrider for programs that want mail as function calls. The
// same sessions, limits and reception as the server; only the queue is replaced by your onMessage.

import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { systemClock, timerDelayMsMax } from '../base/clock.ts';
import { defined, refuseNumbersBelow, refuseUnknown } from '../base/input-error.ts';
import type { Log } from '../base/log.ts';
import { systemRandom } from '../base/random.ts';
import { domainKey, formatMailbox } from '../mail/fields/address.ts';
import type { Listener } from '../net/listener.ts';
import { ListenError, listen, startServerTls } from '../net/listener.ts';
import { createNetworks } from '../net/network.ts';
import type { ProxyRules } from '../net/proxy-protocol.ts';
import type { PeerService } from '../net/service.ts';
import { endServices } from '../net/service.ts';
import type { SocketPeer } from '../net/socket-peer.ts';
import type { ServerTls } from '../net/tls.ts';
import { loadServerTls } from '../net/tls.ts';
import { Login } from '../policy/accounts/login.ts';
import { createLoginThrottle } from '../policy/accounts/login-throttle.ts';
import type { ConnectionLimits } from '../policy/connection-limits.ts';
import { createConnectionLimits } from '../policy/connection-limits.ts';
import type { ClientFacts } from '../policy/envelope.ts';
import type { Hooks } from '../policy/hooks.ts';
import { hooksPolicy, replyOf, shownClient } from '../policy/hooks.ts';
import { byStage } from '../policy/policy.ts';
import { Refusals } from '../policy/refusals.ts';
import { createMessageIds } from '../queue/message-id.ts';
import type { SmtpServiceSettings } from '../receive/smtp-service.ts';
import { createSmtpService } from '../receive/smtp-service.ts';
import type { Authenticator } from '../sasl/mechanism.ts';
import { saslprep } from '../sasl/saslprep.ts';
import { offeredMechanisms } from '../sasl/server.ts';
import { reply } from '../smtp/reply.ts';
import { SmtpError } from '../smtp/smtp-error.ts';
import type { StoredContent } from '../store/content.ts';
import { FileSpool } from '../store/files/spool.ts';
import type { NewMessage, Way } from '../store/queue-store.ts';
import type { Spool } from '../store/spool.ts';
import type { HeldContent } from './held-content.ts';
import { heldBytes, heldFile } from './held-content.ts';
import type { AuthResult, LoginFacts, SmtpServerOptions } from './options.ts';
import { checkOptions, sessionLimits } from './options.ts';
import type { Place } from './place.ts';
import { portWhere } from './place.ts';
import { receivedMessage } from './received-message.ts';

const twice = Object.assign(new Error('the server is listening already'), { code: 'EALREADY' });

/** From listen() to close(). */
interface Running {
  readonly listener: Listener;
  readonly service: PeerService;
  /** Removes content too large for memory, and a certificate that signs itself. */
  readonly clear: () => Promise<void>;
}

interface ServiceParts {
  readonly tls: ServerTls | undefined;
  readonly spool: Spool;
  readonly connections: ConnectionLimits;
  readonly refusals: Refusals;
  readonly log: Log;
}

/** Whoever did not ask for a log still wants to know why a client heard "try again later". */
const stderrLog: Log = {
  ...{ debug: () => {}, info: () => {} },
  warn: (event, fields) => console.error(`postrider: ${event}`, fields ?? ''),
  error: (event, fields) => console.error(`postrider: ${event}`, fields ?? ''),
};

/** Keeps the process alive, as whoever waits for close() expects. */
const waitedFor: Pick<Clock, 'after'> = {
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(delayMs, timerDelayMsMax));
    return () => clearTimeout(timer);
  },
};

const localWay: Way = { delivery: 'local', destination: 'local' };

export class SmtpServer implements AsyncDisposable {
  readonly #options: SmtpServerOptions;
  #running: Running | undefined;
  /** listen() that is under way. */
  #starting: Promise<Running> | undefined;
  /** close() that is under way. */
  #closing: Promise<void> | undefined;

  /** @throws InputError for what cannot be meant: an unknown option, no onMessage. */
  constructor(options: SmtpServerOptions) {
    checkOptions(options);
    this.#options = options;
  }

  /** The port in use; 0 before listen() and on a Unix socket. */
  get port(): number {
    return this.#running?.listener.port ?? 0;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#running?.service.conversations ?? 0;
  }

  /** @throws InputError; ListenError when the port cannot be had; TlsError for an unusable certificate. */
  async listen(where: Place = {}): Promise<this> {
    const port = portWhere(where);
    if (this.#starting !== undefined || this.#running !== undefined)
      throw new ListenError(twice.message, { cause: twice });
    this.#starting = this.#start({ ...where, port });
    try {
      this.#running = await this.#starting;
    } finally {
      this.#starting = undefined;
    }
    return this;
  }

  async #start(where: Place & { readonly port: number }): Promise<Running> {
    const { implicitTls = false } = this.#options;
    const log = this.#options.log ?? stderrLog;
    if (isNeverAsked(this.#options)) log.warn('nobody can log in', { reason: neverAsked });
    const name = `postrider-${process.pid}-${systemRandom.bytes(6).toString('hex')}`;
    const directory = join(tmpdir(), name);
    const refusals = new Refusals({ log, clock: systemClock() });
    const spool = new FileSpool({ directory });
    const clear = async () => {
      refusals.close();
      await spool[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    };
    try {
      const tls = await this.#loadTls(directory);
      // Its key is in memory now: a program that ends without close() leaves none behind.
      await rm(directory, { recursive: true, force: true });
      for (const problem of tls?.warnings ?? []) log.warn('certificate is doubtful', { problem });
      const connections = this.#createLimits();
      const service = this.#createService({ tls, spool, connections, refusals, log });
      const listener = await listen({
        ...(where.path === undefined
          ? { host: where.host ?? '127.0.0.1', port: where.port }
          : { path: where.path }),
        tls,
        implicitTls,
        admitHandshake: (address) =>
          connections.admit(address) === undefined ? () => connections.release(address) : undefined,
        onConnection: (peer) => service.accept(peer),
        onHandshakeFailure: (client, { message: reason }) =>
          refusals.note({ client, stage: 'tls', reason }),
        proxy: this.#proxyRules(),
        log,
      });
      return { listener, service, clear };
    } catch (error) {
      await clear();
      throw error;
    }
  }

  /**
   * No new connections, 421 to the idle; open transactions get `graceMs` to finish. A listen() that is under way comes to
   * its end first, so that nothing is left of it; a close() that is under way is waited for.
   * @throws InputError
   */
  async close(given: { graceMs?: number | undefined } = {}): Promise<void> {
    refuseUnknown(given, ['graceMs'], 'close');
    refuseNumbersBelow(0, given, 'close');
    const { graceMs = 5_000 } = given;
    // What goes wrong there is for whoever called it.
    if (this.#starting !== undefined) await this.#starting.catch(() => {});
    const running = this.#running;
    if (running === undefined) return this.#closing;
    this.#running = undefined;
    const closing = end(running, graceMs);
    this.#closing = closing;
    try {
      await closing;
    } finally {
      if (this.#closing === closing) this.#closing = undefined;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #loadTls(directory: string): Promise<ServerTls | undefined> {
    const { tls, hostname = 'localhost', clientAuthorities } = this.#options;
    return tls === undefined
      ? undefined
      : loadServerTls(tls, { directory, hostname, clientAuthorities });
  }

  #proxyRules(): ProxyRules | undefined {
    const { proxyProtocol } = this.#options;
    if (proxyProtocol === undefined) return undefined;
    const { from, timeoutMs = 5_000 } = proxyProtocol;
    const proxies = createNetworks(from);
    return { isProxy: (address) => proxies.has(address), timeoutMs };
  }

  #createLimits(): ConnectionLimits {
    const { connections = 10_000, connectionsPerClient = 100 } = this.#options.limits ?? {};
    return createConnectionLimits({ connections, connectionsPerClient });
  }

  #createService({ tls, spool, connections, refusals, log }: ServiceParts): PeerService {
    const options = this.#options;
    const { hostname = 'localhost', service = 'smtp', insecureAuth = false } = options;
    const clock = systemClock();
    const limits = sessionLimits(options.limits);
    const throttle = createLoginThrottle({ clock, ...throttleOptions(options) });
    const policies = byStage([hooksPolicy({ hooks: hooksOf(options), clock, log })]);
    const mechanisms = (peer: { tls: ClientFacts['tls'] }) =>
      offeredTo(options, { tls: peer.tls, insecureAuth });
    const settings: SmtpServiceSettings = {
      hostname,
      service,
      startTls: tls !== undefined && options.implicitTls !== true,
      bareNewlines: 'refuse',
      authRequired: service === 'submission',
      limits,
      isTrusted: () => false,
      mechanisms,
      login: (sessionLog, client) =>
        new Login({
          ...{ throttle, clock, log: sessionLog, refusals },
          authenticator: hookAuthenticator(options, client),
        }),
      // Who is a recipient is onRecipient's to say.
      addressMap: {
        resolve: async (to) => {
          // Whether the owner's mailboxes know upper and lower case is not for us to say.
          const copy = `${to.local}@${domainKey(to.domain)}`;
          return { kind: 'accept', recipients: [{ address: formatMailbox(to), copy }] };
        },
      },
      wayOf: () => localWay,
      policies,
      vrfy: 'ambiguous',
    };
    return createSmtpService({
      settings: () => settings,
      connections,
      startTls: async (peer) => {
        if (tls === undefined) throw new Error('STARTTLS without a certificate');
        return startServerTls(peer as SocketPeer, tls);
      },
      spool,
      submit: (message, client) => this.#handOver(message, client, spool),
      messageId: createMessageIds({ clock, random: systemRandom }),
      startQueue: async () => reply(458, '3.3', 'There is no queue here'),
      onClose: (client) => closed(options, client, log),
      clock,
      random: systemRandom,
      refusals,
      log,
    });
  }

  async #handOver(message: NewMessage, client: ClientFacts, spool: Spool): Promise<void> {
    const received = await receivedMessage(
      message,
      shownClient(client),
      await hold(message.content, spool),
    );
    const said = replyOf(await this.#options.onMessage(received));
    // Also what accepts in words of its own.
    if (said) throw new SmtpError(said);
  }
}

async function end({ listener, service, clear }: Running, graceMs: number): Promise<void> {
  await listener.close();
  await endServices([service], { graceMs, clock: waitedFor });
  await clear();
}

/** Nobody but the message needs the file from now on. */
async function hold(content: StoredContent, spool: Spool): Promise<HeldContent> {
  if (content.kind === 'inline') return heldBytes(content.bytes);
  const { file } = spool.open(content);
  assert(file !== undefined, 'large content is a file');
  const held = heldFile(file, content.size);
  await spool.remove(content.key);
  return held;
}

const throttleOptions = ({ loginThrottle = {} }: SmtpServerOptions) =>
  loginThrottle === false
    ? { delay: 0, failuresPerNetwork: Number.POSITIVE_INFINITY }
    : defined(loginThrottle);

/** The program's, as they would be in a configuration; as methods, of the object that they were given in. */
function hooksOf(options: SmtpServerOptions): Hooks & Readonly<Record<keyof Hooks, unknown>> {
  return {
    onConnect(client, context) {
      void client.local; // so that it is known when the client is gone
      return options.onConnect?.(client, context);
    },
    onSecure: options.onSecure && ((...asked) => options.onSecure?.(...asked)),
    onMail: options.onMail && ((...asked) => options.onMail?.(...asked)),
    onRecipient: options.onRecipient && ((...asked) => options.onRecipient?.(...asked)),
    // The message is handed over in place of being queued.
    onMessage: undefined,
  };
}

function closed(options: SmtpServerOptions, client: ClientFacts, log: Log): void {
  try {
    options.onClose?.(shownClient(client));
  } catch (error) {
    log.error('onClose failed', { error: error instanceof Error ? error.stack : String(error) });
  }
}

/** PLAIN and LOGIN where there is onAuth, bearer tokens where there is onToken. */
function offeredTo(
  options: SmtpServerOptions,
  facts: { readonly tls: ClientFacts['tls']; readonly insecureAuth: boolean },
): readonly string[] {
  const authenticator = hookAuthenticator(options, () => {
    throw new Error('nobody logs in yet');
  });
  const offered = offeredMechanisms({ ...facts, authenticator });
  return options.onAuth === undefined
    ? offered.filter((name) => !passwordMechanisms.has(name))
    : offered;
}

const passwordMechanisms: ReadonlySet<string> = new Set(['PLAIN', 'LOGIN']);

function hookAuthenticator(options: SmtpServerOptions, client: () => ClientFacts): Authenticator {
  const facts = (mechanism = ''): LoginFacts => {
    const now = shownClient(client());
    return { client: now, mechanism, session: now.session };
  };
  // Whom the program has let in, by the name that it was asked about: the account may be called otherwise.
  let admitted: string | undefined;
  const answer = async (user: string, ask: () => AuthResult | undefined) => {
    // RFC 4616 §2: names that cannot be prepared are nobody's: those with line ends, which would be others' log lines.
    const account = saslprep(user) === undefined ? undefined : accountOf(await ask());
    admitted = account === undefined ? undefined : user;
    return account;
  };
  return {
    verifyPassword: async (user, password, mechanism) =>
      answer(user, () => options.onAuth?.(user, password, facts(mechanism))),
    ...(options.onToken !== undefined && {
      verifyToken: async (user, token, _target, mechanism) =>
        answer(user, () => options.onToken?.(user, token, facts(mechanism))),
    }),
    // RFC 4616 §2, RFC 7628 §3.1: who acts in their own name acts as nobody else.
    mayActAs: async (account, authorization) =>
      authorization === admitted || authorization === account,
  };
}

/** null, as databases have it, is nobody; '' would be somebody without a name. @throws TypeError for what is no account */
function accountOf(said: unknown): string | undefined {
  if (said === undefined || said === null) return undefined;
  if (typeof said === 'string' && said !== '') return said;
  throw new TypeError(
    'onAuth and onToken give the account, a text that is not empty, or undefined',
  );
}

const isNeverAsked = ({ tls, insecureAuth, onAuth, onToken }: SmtpServerOptions): boolean =>
  (onAuth !== undefined || onToken !== undefined) && tls === undefined && insecureAuth !== true;

const neverAsked = 'a login is offered under `tls` alone, or with `insecureAuth` in tests';
