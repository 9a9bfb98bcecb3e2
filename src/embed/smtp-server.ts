// SmtpServer: the receiving half of Postrider for programs that want mail as function calls. The
// same sessions, limits and reception as the server; only the queue is replaced by your onMessage.

import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { systemRandom } from '../base/random.ts';
import type { Mailbox } from '../mail/address.ts';
import { domainKey, formatMailbox } from '../mail/address.ts';
import { headerValue, parseHeader } from '../mail/header.ts';
import type { Listener } from '../net/listener.ts';
import { listen, startServerTls } from '../net/listener.ts';
import type { SocketPeer } from '../net/socket-peer.ts';
import type { ServerTls } from '../net/tls.ts';
import { loadServerTls } from '../net/tls.ts';
import type { ConnectionLimits } from '../policy/connection-limits.ts';
import { createConnectionLimits } from '../policy/connection-limits.ts';
import { Login } from '../policy/login.ts';
import { createLoginThrottle } from '../policy/login-throttle.ts';
import { Refusals } from '../policy/refusals.ts';
import { createMessageIds } from '../queue/message-id.ts';
import type { ClientFacts, Envelope } from '../receive/reception.ts';
import { SmtpService } from '../receive/smtp-service.ts';
import type { Authenticator } from '../sasl/mechanism.ts';
import { offeredMechanisms } from '../sasl/server.ts';
import type { SessionLimits } from '../smtp/limits.ts';
import { defaultLimits } from '../smtp/limits.ts';
import type { Reply } from '../smtp/reply.ts';
import { reply } from '../smtp/reply.ts';
import { SmtpError } from '../smtp/smtp-error.ts';
import { FileSpool } from '../store/files/spool.ts';
import type { NewMessage } from '../store/queue-store.ts';
import type { Spool } from '../store/spool.ts';

/** undefined accepts; a reply() refuses with its words; to throw is a 451: try again later. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook without a return statement accepts
export type Verdict = Reply | undefined | void | Promise<Reply | undefined | void>;

export interface ReceivedMessage {
  readonly id: string;
  /** The reverse-path, '' for the null sender of bounces. */
  readonly from: string;
  readonly to: readonly string[];
  /** Octets of the content. */
  readonly size: number;
  readonly client: ClientFacts;
  /** The message as received, our Received field in front, in pieces; may be read again. */
  stream(): AsyncIterable<Uint8Array>;
  /** All of it: mind `size`. */
  raw(): Promise<Buffer>;
  /** The first field of this name, unfolded. */
  header(name: string): Promise<string | undefined>;
}

export interface SmtpServerOptions {
  /** For the greeting, EHLO and Received. Default: 'localhost'. */
  readonly hostname?: string;
  /** 'submission' demands a login before MAIL. Default: 'smtp'. */
  readonly service?: 'smtp' | 'submission' | 'lmtp';
  /** PEM files, or 'self-signed'. Default: no TLS. */
  readonly tls?: { readonly certificate: string; readonly privateKey: string } | 'self-signed';
  /** TLS from the first byte (port 465) instead of STARTTLS. */
  readonly implicitTls?: boolean;
  /** Offers AUTH without TLS. Only for tests on loopback. */
  readonly insecureAuth?: boolean;
  readonly limits?: Partial<SessionLimits> & {
    /** Default 10,000 in all, 100 from one address. */
    readonly connections?: number;
    readonly connectionsPerClient?: number;
  };
  /** Default: warnings and errors go to stderr, such as what a hook threw; silentLog for nothing. */
  readonly log?: Log;
  onConnect?(client: ClientFacts): Verdict;
  /** The account if the password is right; undefined if not. Its presence offers AUTH. */
  onAuth?(user: string, password: string): Promise<string | undefined> | string | undefined;
  onMail?(from: string, envelope: Envelope): Verdict;
  onRecipient?(to: Mailbox, envelope: Envelope): Verdict;
  /** The client hears 250 when this resolves: store the message first. */
  onMessage(message: ReceivedMessage): Verdict;
}

/** From listen() to close(). */
interface Running {
  readonly listener: Listener;
  readonly service: SmtpService;
  /** Removes content too large for memory, and a certificate that signs itself. */
  readonly clear: () => Promise<void>;
}

interface ServiceParts {
  readonly tls: ServerTls | undefined;
  readonly spool: Spool;
  readonly connections: ConnectionLimits;
  readonly log: Log;
}

/** Whoever did not ask for a log still wants to know why a client heard "try again later". */
const stderrLog: Log = {
  ...{ debug: () => {}, info: () => {} },
  warn: (event, fields) => console.error(`postrider: ${event}`, fields ?? ''),
  error: (event, fields) => console.error(`postrider: ${event}`, fields ?? ''),
};

export class SmtpServer implements AsyncDisposable {
  readonly #options: SmtpServerOptions;
  #running: Running | undefined;

  constructor(options: SmtpServerOptions) {
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

  /** @throws ListenError when the port cannot be had; TlsError for an unusable certificate. */
  async listen(where: { port?: number; host?: string; path?: string } = {}): Promise<this> {
    if (this.#running !== undefined) throw new Error('the server is listening already');
    const { implicitTls = false } = this.#options;
    const log = this.#options.log ?? stderrLog;
    const name = `postrider-${process.pid}-${systemRandom.bytes(6).toString('hex')}`;
    const directory = join(tmpdir(), name);
    const removeDirectory = () => rm(directory, { recursive: true, force: true });
    try {
      const tls = await this.#loadTls(directory);
      const spool = new FileSpool({ directory });
      const connections = this.#createLimits();
      const service = this.#createService({ tls, spool, connections, log });
      const listener = await listen({
        ...(where.path === undefined
          ? { host: where.host ?? '127.0.0.1', port: where.port ?? 0 }
          : where),
        tls,
        implicitTls,
        admitHandshake: (address) =>
          connections.admit(address) === undefined ? () => connections.release(address) : undefined,
        onConnection: (peer) => service.accept(peer),
        log,
      });
      const clear = async () => {
        await spool[Symbol.asyncDispose]();
        await removeDirectory();
      };
      this.#running = { listener, service, clear };
      return this;
    } catch (error) {
      await removeDirectory();
      throw error;
    }
  }

  /** No new connections, 421 to the idle; open transactions get `graceMs` to finish. */
  async close({ graceMs = 5_000 } = {}): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    const { listener, service, clear } = running;
    await listener.close();
    const timer = setTimeout(() => service.destroy(), graceMs);
    await service.shutdown();
    clearTimeout(timer);
    await clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #loadTls(directory: string): Promise<ServerTls | undefined> {
    const { tls, hostname = 'localhost' } = this.#options;
    return tls === undefined ? undefined : loadServerTls(tls, { directory, hostname });
  }

  #createLimits(): ConnectionLimits {
    const { connections = 10_000, connectionsPerClient = 100 } = this.#options.limits ?? {};
    return createConnectionLimits({ connections, connectionsPerClient });
  }

  #createService({ tls, spool, connections, log }: ServiceParts): SmtpService {
    const options = this.#options;
    const { hostname = 'localhost', service = 'smtp', insecureAuth = false } = options;
    const clock = systemClock();
    const limits = { ...defaultLimits, ...options.limits };
    const authenticator = createHookAuthenticator(options);
    const throttle = createLoginThrottle({ clock });
    const refusals = new Refusals({ log, clock });
    const mechanisms = (peer: { tls: ClientFacts['tls'] }) =>
      options.onAuth === undefined
        ? []
        : offeredMechanisms({ tls: peer.tls, insecureAuth, authenticator });
    return new SmtpService({
      settings: () => ({
        hostname,
        service,
        startTls: tls !== undefined && options.implicitTls !== true,
        bareNewlines: 'refuse',
        authRequired: service === 'submission',
        limits,
        isTrusted: () => false,
        mechanisms,
        login: (sessionLog) =>
          new Login({ authenticator, throttle, clock, log: sessionLog, refusals }),
        // Who is a recipient is onRecipient's to say.
        directory: {
          resolve: async (to) => {
            // Whether the owner's mailboxes know upper and lower case is not for us to say.
            const copy = `${to.local}@${domainKey(to.domain)}`;
            return { kind: 'accept', recipients: [{ address: formatMailbox(to), copy }] };
          },
        },
        destinationOf: () => 'local',
        senderRule: undefined,
        vrfy: 'ambiguous',
        hooks: {
          onConnect: async (client) => {
            void client.local; // so that it is known when the client is gone
            return (await options.onConnect?.(client)) ?? undefined;
          },
          onMail: async (envelope) =>
            (await options.onMail?.(pathText(envelope), envelope)) ?? undefined,
          onRecipient: async (envelope, to) =>
            (await options.onRecipient?.(to, envelope)) ?? undefined,
        },
      }),
      connections,
      startTls: async (peer) => {
        if (tls === undefined) throw new Error('STARTTLS without a certificate');
        return startServerTls(peer as SocketPeer, tls);
      },
      spool,
      submit: (message, client) => this.#handOver(message, client, spool),
      messageId: createMessageIds({ clock, random: systemRandom }),
      startQueue: async () => reply(458, '3.3', 'There is no queue here'),
      clock,
      random: systemRandom,
      refusals,
      log,
    });
  }

  async #handOver(message: NewMessage, client: ClientFacts, spool: Spool): Promise<void> {
    try {
      const refusal = await this.#options.onMessage(receivedMessage(message, client, spool));
      if (refusal) throw new SmtpError(refusal);
    } finally {
      if (message.content.kind === 'file') await spool.remove(message.content.key);
    }
  }
}

const pathText = ({ sender }: Envelope): string => (sender === null ? '' : formatMailbox(sender));

function receivedMessage(message: NewMessage, client: ClientFacts, spool: Spool): ReceivedMessage {
  const content = spool.open(message.content);
  async function* stream(): AsyncIterable<Uint8Array> {
    yield Buffer.from(message.prefix);
    yield* content.read();
  }
  const raw = async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream()) chunks.push(Uint8Array.from(chunk));
    return Buffer.concat(chunks);
  };
  return {
    id: message.id,
    from: message.sender,
    to: message.recipients.map(({ address }) => address),
    size: content.size,
    client,
    stream,
    raw,
    async header(name) {
      for await (const chunk of content.read())
        return headerValue(parseHeader(chunk), name.toLowerCase());
      return undefined;
    },
  };
}

function createHookAuthenticator(options: SmtpServerOptions): Authenticator {
  return {
    verifyPassword: async (user, password) => options.onAuth?.(user, password),
    mayActAs: async (account, authorization) => account === authorization,
  };
}
