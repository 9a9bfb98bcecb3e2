// An open conversation with a next hop: a ClientSession and the Peer it talks to. The only place
// where the client's half meets I/O. Opening one means greeting, TLS as the route has it, and login;
// after that it sends messages until either side has had enough. Every wait has an end.

import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import type { Dialer } from '../../net/dialer.ts';
import { reasonOf, TlsHandshakeError } from '../../net/dialer.ts';
import type { Peer } from '../../net/peer.ts';
import { PeerTimeout } from '../../net/peer.ts';
import type { TlsSecurity, TransportSecurity } from '../../net/transport-security.ts';
import { demandsTls } from '../../net/transport-security.ts';
import type { AttemptFacts } from '../../queue/delivery.ts';
import type { SaslCredentials } from '../../sasl/client.ts';
import { chooseSaslClient } from '../../sasl/client.ts';
import type { Capabilities } from '../../smtp/client/capabilities.ts';
import { closureReply } from '../../smtp/client/closure.ts';
import type { ClientEvent, Closure, Outgoing, SentEvent } from '../../smtp/client/event.ts';
import type { ClientSessionOptions, Trace } from '../../smtp/client/options.ts';
import { ClientSession } from '../../smtp/client/session.ts';
import { reply } from '../../smtp/reply.ts';
import type { TlsFacts } from '../../smtp/tls-facts.ts';
import { HopFailure, transient } from './hop-failure.ts';
import { noLogin } from './login-problem.ts';

export interface OpenOptions {
  readonly dialer: Dialer;
  readonly session: ClientSessionOptions;
  /** Who we want to talk to: for SNI, for the certificate, and for the facts. */
  readonly host: string;
  /** The address that was called; default: where the peer says it is. */
  readonly address?: string | undefined;
  /** The port that was called; none for a Unix socket. */
  readonly port?: number | undefined;
  readonly security: TransportSecurity;
  /** The host's TLS is known not to work: opportunistic security goes on without. */
  readonly inTheClear?: boolean | undefined;
  /** TLS from the first byte. */
  readonly implicitTls?: boolean | undefined;
  readonly login?: SaslCredentials | undefined;
  /** Of the handshake. */
  readonly tlsMs?: number | undefined;
  /** Default: the runtime's monotonic clock. */
  readonly clock?: Pick<Clock, 'now'> | undefined;
}

/** @throws HopFailure, and the connection is gone. */
export async function openConnection(dialed: Peer, options: OpenOptions): Promise<Connection> {
  let peer = dialed;
  let connection: Connection | undefined;
  const { security, inTheClear = false, implicitTls = false, login } = options;
  const startTls = async (demand: TlsSecurity) => {
    const { dialer, host, tlsMs } = options;
    peer = await dialer.startTls(peer, { host, security: demand, timeoutMs: tlsMs });
    return peer;
  };
  try {
    if (implicitTls) await startTls(security.kind === 'none' ? { kind: 'encrypted' } : security);
    connection = new Connection(peer, options);
    await connection.hello();
    if (peer.tls === undefined && security.kind !== 'none' && !inTheClear)
      await connection.startTls(() => startTls(security), demandsTls(security));
    // Without TLS a login would show the password: that is for routes that never ask for it.
    if (login !== undefined)
      await connection.login({ insecure: security.kind === 'none', ...login });
    return connection;
  } catch (error) {
    if (connection === undefined) peer.destroy();
    else void connection.dismiss();
    if (error instanceof TlsHandshakeError)
      throw new HopFailure('tls', reply(454, '7.5', sentence(error.message)), false, {
        cause: error,
      });
    throw error;
  }
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** RFC 3463 §3.8: X.7.4, security features not supported. */
export const noTls = reply(454, '7.4', 'TLS is required here, and the next host does not offer it');

export class Connection {
  readonly #session: ClientSession;
  readonly #host: string;
  readonly #address: string | undefined;
  readonly #port: number | undefined;
  /** What was demanded of it: it is good for what demands the same. */
  readonly security: TransportSecurity;
  readonly #clock: Pick<Clock, 'now'>;
  #peer: Peer;
  #facts: AttemptFacts | undefined;
  /** A read that has begun before there was something to wait for: see rest(). */
  #reading: Promise<Uint8Array | undefined> | undefined;
  #resting = false;
  /** When the wait for the present reply began, and for which one. */
  #waitingSince = 0;
  #waitingFor = -1;
  /** Transactions begun. */
  transactions = 0;
  /** Of recipients that were named here, where the server counts them. RFC 9422 §4.3. */
  readonly domains: Set<string> = new Set();
  /** It takes no recipient of those who wait: somebody else's turn. */
  spent = false;

  constructor(
    peer: Peer,
    {
      session,
      host,
      security,
      address,
      port,
      clock,
    }: Pick<OpenOptions, 'session' | 'host' | 'security' | 'address' | 'port' | 'clock'>,
  ) {
    this.#peer = peer;
    this.#clock = clock ?? performance;
    this.#host = host;
    this.security = security;
    this.#address = address;
    this.#port = port;
    this.#session = new ClientSession(session);
  }

  get capabilities(): Capabilities {
    return this.#session.capabilities;
  }

  get closure(): Closure | undefined {
    return this.#session.closure;
  }

  /** Another transaction may follow. RFC 9422 §4.1: MAILMAX. */
  get usable(): boolean {
    return !this.spent && this.#session.ready && this.transactions < this.capabilities.messagesMax;
  }

  get tls(): TlsFacts | undefined {
    return this.#peer.tls;
  }

  /** For `why` and for reports; the same object for all that goes over this connection. */
  get facts(): AttemptFacts {
    this.#facts ??= {
      ...factsOf(this.#peer, this.#host, this.#address, this.#port),
      tls: tlsText(this.#peer.tls, this.security),
    };
    return this.#facts;
  }

  async hello(): Promise<void> {
    expectReady(await this.#drive());
  }

  /** RFC 3207. Unless it is required, goes on without it where it is not offered, or refused. */
  async startTls(handshake: () => Promise<Peer>, required: boolean): Promise<void> {
    if (!this.capabilities.keywords.has('STARTTLS')) {
      if (required) throw new HopFailure('tls', noTls, false);
      return;
    }
    this.#session.startTls();
    const event = await this.#drive();
    if (event.kind === 'refused') {
      const said = transient(event.reply, 'STARTTLS refused');
      if (required) throw new HopFailure('tls', said, said === event.reply);
      return;
    }
    if (event.kind !== 'starttls') {
      // No answer, or nonsense: a TLS that does not work, like a handshake that fails.
      if (event.kind === 'closed' && event.because.kind !== 'refused')
        throw new HopFailure('tls', closureReply(event.because), false);
      return expectReady(event);
    }
    this.#peer = await handshake();
    this.#session.tlsStarted();
    expectReady(await this.#drive());
  }

  /** RFC 4954. A login that fails is the operator's to mend: the mail waits. */
  async login(credentials: SaslCredentials): Promise<void> {
    const client = chooseSaslClient(this.capabilities.mechanisms, credentials, this.#peer.tls);
    if (client === undefined) {
      const encrypted = this.#peer.tls !== undefined;
      const said = noLogin(this.#host, this.capabilities, { encrypted });
      throw new HopFailure('login', said, false);
    }
    this.#session.authenticate(client);
    const event = await this.#drive();
    if (event.kind === 'refused') {
      const said = transient(event.reply, 'The login failed');
      throw new HopFailure('login', said, said === event.reply);
    }
    expectReady(event);
  }

  /**
   * One transaction; never rejects because of the peer. `read` gives streamed content, of which each
   * piece has been sent when the next one is asked for.
   * @throws what `read` throws; then the connection is gone.
   */
  async send(outgoing: Outgoing, read?: () => AsyncIterable<Uint8Array>): Promise<SentEvent> {
    this.transactions += 1;
    this.#resting = false;
    this.#session.send(outgoing);
    let event = await this.#drive();
    if (event.kind === 'content') {
      assert(read !== undefined, 'streamed content has a source');
      await this.#stream(read());
      event = await this.#drive();
    }
    assert(event.kind === 'sent', 'a transaction ends in its answers');
    return event;
  }

  /**
   * Nothing to send for now. The read for the next reply begins already, so that a server that hangs
   * up is noticed when it does and not when the next message has been given to it.
   */
  rest(onDead: () => void): void {
    this.#resting = true;
    const reading = this.#peer.read(this.#session.timeoutMs);
    this.#reading = reading;
    const dead = () => {
      if (this.#resting) onDead();
    };
    reading.then(dead, dead);
  }

  /** Says goodbye, if there is somebody to say it to. Never rejects. RFC 5321 §4.1.1.10. */
  async quit(): Promise<void> {
    this.#resting = false;
    try {
      if (this.#session.ready) {
        this.#session.quit();
        await this.#drive();
      }
      await this.#peer.end();
    } catch {
      // It is over either way.
    } finally {
      this.#peer.destroy();
    }
  }

  /** As quit(), but in a hurry: the answer is not waited for. Never rejects. */
  async dismiss(): Promise<void> {
    this.#resting = false;
    try {
      if (this.#session.ready) this.#session.quit();
      if (await this.#flush()) await this.#peer.end();
    } finally {
      this.#peer.destroy();
    }
  }

  destroy(): void {
    this.#resting = false;
    this.#peer.destroy();
  }

  /** Sends and receives until there is an event. */
  async #drive(): Promise<ClientEvent> {
    const session = this.#session;
    for (;;) {
      const event = session.next();
      if (event.kind !== 'need-input') return event;
      const flushed = this.#flush();
      if (flushed instanceof Promise) await flushed;
      await this.#receive();
    }
  }

  #receive(): Promise<void> | undefined {
    const remainingMs = this.#remainingMs();
    if (remainingMs === 0 && this.#reading === undefined) {
      this.#session.timedOut();
      return undefined;
    }
    const early = this.#reading;
    this.#reading = undefined;
    if (early !== undefined) return early.then(this.#heard, this.#brokenEarly);
    return this.#peer.read(remainingMs).then(this.#heard, this.#broken);
  }

  readonly #heard = (bytes: Uint8Array | undefined): void => {
    if (bytes === undefined) this.#session.ended();
    else this.#session.receive(bytes);
  };

  /** What began before the command waits for no longer than it would for another. RFC 5321 §4.5.3.2. */
  readonly #brokenEarly = (error: unknown): void => {
    if (!(error instanceof PeerTimeout)) this.#broken(error);
  };

  readonly #broken = (error: unknown): void => {
    if (error instanceof PeerTimeout) this.#session.timedOut();
    else this.#session.ended(`The connection broke (${reasonOf(error)})`);
  };

  /** What is left of the wait for one reply, 0 when it is over: an octet now and then does not extend it. */
  #remainingMs(): number {
    const { heard, timeoutMs } = this.#session;
    const now = this.#clock.now();
    if (heard !== this.#waitingFor) {
      this.#waitingFor = heard;
      this.#waitingSince = now;
      return timeoutMs;
    }
    const left = this.#waitingSince + timeoutMs - now;
    if (left <= 0) return 0;
    // Rounded up to seconds: a wait that ends a little sooner than the one before would set the peer's timer anew.
    return Math.min(timeoutMs, Math.ceil(left / 1000) * 1000);
  }

  /** False when the connection does not take any more; what the peer said last is still to be read. */
  #flush(until: 'taken' | 'sent' = 'taken'): boolean | Promise<boolean> {
    const session = this.#session;
    for (let piece = session.output(); piece !== undefined; piece = session.output()) {
      const waiting = this.#peer.write(piece, session.timeoutMs, until);
      if (waiting !== undefined)
        return waiting.then(
          () => this.#flush(until),
          () => false,
        );
    }
    return true;
  }

  async #stream(source: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const bytes of source) {
        this.#session.content(bytes);
        if (!(await this.#flush('sent'))) return;
      }
    } catch (error) {
      this.#peer.destroy(); // RFC 5321 §4.1.1.4: without the end of data there is no message
      throw error;
    }
    this.#session.endContent();
  }
}

function expectReady(event: ClientEvent): void {
  if (event.kind === 'ready') return;
  assert(event.kind === 'closed', 'a session is ready, or closed');
  const { because } = event;
  if (because.kind !== 'refused') throw new HopFailure('unreachable', closureReply(because), false);
  // RFC 7504 §3: 521 in place of the greeting means that the host takes no mail from anybody, ever.
  // Any other refusal may be about us and now: another host, or another time.
  const { reply: said } = because;
  const final = because.stage === 'greeting' && said.code === 521;
  const meant = final ? said : transient(said, `Refused at ${because.stage}`);
  throw new HopFailure('refused', meant, meant === said);
}

/** A socket that is closed knows its other end no more, and a Unix socket never did. */
function factsOf(
  peer: Peer,
  host: string,
  address = peer.remote.address || undefined,
  port = peer.remote.port || undefined,
): AttemptFacts {
  return { host, address, port };
}

function tlsText(tls: TlsFacts | undefined, { kind }: TransportSecurity): string | undefined {
  if (tls === undefined) return undefined;
  const by = kind === 'tlsa' ? ' by DANE' : '';
  return `${tls.protocol} ${tls.cipher}${tls.verified ? ` verified${by}` : ''}`;
}

export type { Trace };
