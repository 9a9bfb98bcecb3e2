// SmtpServer: the receiving half of Postrider for programs that want mail as function calls. The
// same sessions, limits and reception as the server; only the queue is replaced by your onMessage.

import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { silentLog } from '../base/log.ts';
import { systemRandom } from '../base/random.ts';
import type { Mailbox } from '../mail/address.ts';
import { formatMailbox } from '../mail/address.ts';
import { headerValue, parseHeader } from '../mail/header.ts';
import type { Listener } from '../net/listener.ts';
import { listen, startServerTls } from '../net/listener.ts';
import type { SocketPeer } from '../net/socket-peer.ts';
import type { ServerTls } from '../net/tls.ts';
import { loadServerTls } from '../net/tls.ts';
import { createConnectionLimits } from '../policy/connection-limits.ts';
import { createLoginThrottle } from '../policy/login-throttle.ts';
import { createMessageIds } from '../queue/message-id.ts';
import { Login } from '../receive/login.ts';
import type { ClientFacts, Envelope } from '../receive/reception.ts';
import { SmtpService } from '../receive/smtp-service.ts';
import type { Authenticator } from '../sasl/mechanism.ts';
import { createSaslServer, offeredMechanisms } from '../sasl/server.ts';
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
  readonly log?: Log;
  onConnect?(client: ClientFacts): Verdict;
  /** The account if the password is right; undefined if not. Its presence offers AUTH. */
  onAuth?(user: string, password: string): Promise<string | undefined> | string | undefined;
  onMail?(from: string, envelope: Envelope): Verdict;
  onRecipient?(to: Mailbox, envelope: Envelope): Verdict;
  /** The client hears 250 when this resolves: store the message first. */
  onMessage(message: ReceivedMessage): Verdict;
}

export class SmtpServer implements AsyncDisposable {
  readonly #options: SmtpServerOptions;
  #service: SmtpService | undefined;
  #listener: Listener | undefined;
  #spool: Spool | undefined;
  /** For content too large for memory, and a certificate that signs itself. */
  #directory: string | undefined;

  constructor(options: SmtpServerOptions) {
    this.#options = options;
  }

  /** The port in use. */
  get port(): number {
    return this.#listener?.port ?? 0;
  }

  /** @throws ListenError when the port cannot be had; Error for an unusable certificate. */
  async listen(where: { port?: number; host?: string; path?: string } = {}): Promise<this> {
    const { implicitTls = false } = this.#options;
    const directory = join(
      tmpdir(),
      `postrider-${process.pid}-${systemRandom.bytes(6).toString('hex')}`,
    );
    this.#directory = directory;
    const tls = await this.#loadTls(directory);
    this.#spool = new FileSpool({ directory });
    const service = this.#createService(tls, this.#spool);
    this.#service = service;
    this.#listener = await listen({
      ...(where.path === undefined
        ? { host: where.host ?? '127.0.0.1', port: where.port ?? 0 }
        : where),
      tls,
      implicitTls,
      onConnection: (peer) => service.accept(peer),
    });
    return this;
  }

  /** No new connections; open transactions get `graceMs` to finish. */
  async close({ graceMs = 5_000 } = {}): Promise<void> {
    await this.#listener?.close();
    const service = this.#service;
    if (service !== undefined) {
      const timer = setTimeout(() => service.destroy(), graceMs);
      await service.shutdown();
      clearTimeout(timer);
    }
    await this.#spool?.[Symbol.asyncDispose]();
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #loadTls(directory: string): Promise<ServerTls | undefined> {
    const { tls, hostname = 'localhost' } = this.#options;
    return tls === undefined ? undefined : loadServerTls(tls, { directory, hostname });
  }

  #createService(tls: ServerTls | undefined, spool: Spool): SmtpService {
    const options = this.#options;
    const { hostname = 'localhost', service = 'smtp', insecureAuth = false } = options;
    const log = options.log ?? silentLog;
    const clock = systemClock();
    const limits = { ...defaultLimits, ...options.limits };
    const authenticator = createHookAuthenticator(options);
    const throttle = createLoginThrottle({ clock });
    const mechanisms = (peer: { tls: ClientFacts['tls'] }) =>
      authenticator === undefined
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
        login: (reception) =>
          new Login({
            clientAddress: reception.client.remote.address,
            throttle,
            clock,
            startSasl: (mechanism) =>
              authenticator === undefined
                ? undefined
                : createSaslServer(mechanism, { authenticator, tls: reception.client.tls }),
            onSuccess: (account) => reception.loggedIn(account),
            onFailure: (mechanism, { reason }) => log.info('login failed', { mechanism, reason }),
          }),
        // Who is a recipient is onRecipient's to say.
        directory: {
          resolve: async (to) => ({ kind: 'accept', recipients: [{ address: formatMailbox(to) }] }),
        },
        destinationOf: () => 'local',
        senderRule: undefined,
        vrfy: 'ambiguous',
        hooks: {
          onConnect: async (client) => (await options.onConnect?.(client)) ?? undefined,
          onMail: async (envelope) =>
            (await options.onMail?.(pathText(envelope), envelope)) ?? undefined,
          onRecipient: async (envelope, to) =>
            (await options.onRecipient?.(to, envelope)) ?? undefined,
        },
      }),
      connections: createConnectionLimits({
        connections: options.limits?.connections ?? 10_000,
        connectionsPerClient: options.limits?.connectionsPerClient ?? 100,
      }),
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

function createHookAuthenticator({ onAuth }: SmtpServerOptions): Authenticator | undefined {
  if (onAuth === undefined) return undefined;
  return {
    verifyPassword: async (user, password) => onAuth(user, password),
    mayActAs: async (account, authorization) => account === authorization,
  };
}
