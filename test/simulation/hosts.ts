// The other ends of the simulated Internet: a DNS whose answers change, and next hops that are our own
// ServerSession in a bad mood, or speak no proper SMTP at all. What they take goes into the ledger.

import type { FakeClock } from '../../src/base/fake-clock.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Random } from '../../src/base/random.ts';
import type { FakeRecords } from '../../src/dns/fake-resolver.ts';
import { FakeResolver } from '../../src/dns/fake-resolver.ts';
import type { Resolver } from '../../src/dns/resolver.ts';
import { has8Bit } from '../../src/mail/conversion/transfer-encoding.ts';
import { formatMailbox } from '../../src/mail/fields/address.ts';
import type { Dialer, DialOptions } from '../../src/net/dialer.ts';
import { DialError } from '../../src/net/dialer.ts';
import type { Answerer, ServerAnswer } from '../../src/receive/conversation.ts';
import { Conversation } from '../../src/receive/conversation.ts';
import { defaultLimits } from '../../src/smtp/limits.ts';
import type { Reply } from '../../src/smtp/reply.ts';
import { reply } from '../../src/smtp/reply.ts';
import type { Question } from '../../src/smtp/server/event.ts';
import { ServerSession } from '../../src/smtp/server/session.ts';
import type { Ledger } from './ledger.ts';
import type { Cut, End, Life } from './network.ts';
import { forever, Line, theWorld, wholePieces } from './network.ts';

/** Probabilities, drawn anew for each seed: every seed is hostile in its own way. */
export interface Moods {
  readonly refuse: number;
  readonly defer: number;
  readonly shut: number;
  /** A reply takes minutes, perhaps too many. */
  readonly slow: number;
  /** No proper SMTP. */
  readonly rude: number;
  /** The line breaks, or goes dead, at some octet. */
  readonly cut: number;
  readonly tlsFails: number;
  /** The host does not answer calls. */
  readonly down: number;
  readonly dns: number;
}

export const peaceful: Moods = {
  ...{ refuse: 0, defer: 0, shut: 0, slow: 0, rude: 0, cut: 0, tlsFails: 0, down: 0, dns: 0 },
};

interface Host {
  readonly name: string;
  readonly domain: string;
  readonly addresses: readonly string[];
  readonly protocol: 'smtp' | 'lmtp';
  readonly startTls: boolean;
  readonly withheld: ReadonlySet<string>;
  readonly recipients: number;
  readonly messages: number;
  readonly messageBytes: number;
  /** Senders live there: it is slow and its lines break, but it never says no. */
  readonly kind: boolean;
  downUntil: number;
  downHow: 'refused' | 'silent';
}

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

export const senderDomain = 'back.example';
export const remoteDomains = ['d0.example', 'd1.example', 'd2.example', 'd3.example'] as const;
export const lmtpHost = 'lmtp.inner.example';
export const smartHost = 'smart.inner.example';

const optional = ['SIZE', '8BITMIME', 'CHUNKING', 'DSN', 'PIPELINING', 'LIMITS', 'SMTPUTF8'];
const optionalToo = ['ENHANCEDSTATUSCODES', 'BINARYMIME'];

/** Null MX (RFC 7505), and MX records that lead back to us alone. */
const isFatalKind = (which: number): boolean => which === 0 || which === 1;

export interface InternetParts {
  readonly clock: FakeClock;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly moods: Moods;
}

export class Internet {
  readonly #resolver: FakeResolver;
  moods: Moods;
  readonly #parts: InternetParts;
  readonly #hosts = new Map<string, Host>();
  #taken = 0;

  constructor(parts: InternetParts) {
    this.#parts = parts;
    this.moods = parts.moods;
    this.#resolver = new FakeResolver({}, { clock: parts.clock, timeoutMs: 10_000 });
    for (const domain of remoteDomains)
      for (const number of [1, 2]) this.#addHost(`mx${number}.${domain}`, domain);
    this.#addHost(`mx.${senderDomain}`, senderDomain);
    this.#addHost(lmtpHost, 'l.example');
    this.#addHost(smartHost, 's.example');
    this.#resolver.set(senderDomain, { MX: [`10 mx.${senderDomain}`] });
    this.change();
  }

  /** The process's way out. What the dead dial never answers. */
  dialer(life: Life): Dialer {
    return {
      dial: (options) => this.#dial(options, life),
      startTls: (peer, { timeoutMs = 30_000 }) => (peer as End).startTls(timeoutMs),
    };
  }

  /** What the dead ask the DNS is never answered. */
  resolverFor(life: Life): Resolver {
    return {
      resolve: async (name, type) => {
        try {
          return await this.#resolver.resolve(name, type);
        } finally {
          if (life.dead) await forever();
        }
      },
    };
  }

  /** Some of the world is different now. */
  change(): void {
    for (const domain of remoteDomains) this.#setZone(domain, this.#happens(this.moods.dns));
    for (const host of this.#hosts.values()) {
      if (!this.#happens(this.moods.down) || host.kind) continue;
      host.downUntil = this.#parts.clock.now() + this.#parts.random.fraction() * day;
      host.downHow = this.#happens(0.5) ? 'refused' : 'silent';
    }
  }

  heal(): void {
    this.moods = peaceful;
    for (const host of this.#hosts.values()) host.downUntil = 0;
    this.change();
  }

  #addHost(name: string, domain: string): void {
    const kind = domain === senderDomain;
    const number = this.#hosts.size + 1;
    const host: Host = {
      ...{ name, domain, kind, downUntil: 0, downHow: 'refused' },
      addresses: [`10.0.${number}.1`, `2001:db8::${number + 1}`],
      protocol: name === lmtpHost ? 'lmtp' : 'smtp',
      startTls: this.#happens(0.5),
      withheld: new Set([...optional, ...optionalToo].filter(() => this.#happens(0.3))),
      recipients: this.#happens(0.2) ? 1 : 100,
      messages: this.#happens(0.2) ? 1 + this.#below(3) : 0,
      messageBytes: this.#happens(0.1) && !kind ? 100_000 : 0,
    };
    for (const address of host.addresses) this.#hosts.set(address, host);
    if (host.messageBytes > 0) this.#parts.ledger.bytesMax.set(domain, host.messageBytes);
    this.#resolver.set(name, { A: [host.addresses[0]!], AAAA: [host.addresses[1]!] });
  }

  #setZone(domain: string, odd: boolean): void {
    const [one, two] = [`mx1.${domain}`, `mx2.${domain}`];
    const kinds: readonly FakeRecords[] = [
      { MX: ['0 .'] },
      { MX: [`10 ${one}`, `10 mx.home.example`, `10 ${two}`] },
      { fails: 'servfail' },
      { fails: 'timeout' },
      { fails: { MX: 'timeout' }, A: ['10.0.0.1'] },
      { MX: [`5 nowhere.${domain}`, `10 ${two}`] },
      { MX: [`10 ${one}`, `15 mx.home.example`, `20 ${two}`] },
      { CNAME: `alias.${domain}` },
    ];
    const well: FakeRecords = {
      MX: this.#happens(0.5) ? [`10 ${one}`, `10 ${two}`] : [`10 ${one}`, `20 ${two}`],
    };
    this.#resolver.set(`alias.${domain}`, well);
    // One address family is broken at times: nobody answers there.
    for (const name of [one, two]) {
      const host = [...this.#hosts.values()].find((each) => each.name === name)!;
      const AAAA = odd && this.#happens(0.3) ? '2001:db8::dead' : host.addresses[1]!;
      const fails = odd && this.#happens(0.2) ? { fails: { AAAA: 'servfail' } as const } : {};
      this.#resolver.set(name, { A: [host.addresses[0]!], AAAA: [AAAA], ...fails });
    }
    const which = odd ? this.#below(kinds.length + 1) : -1;
    this.#resolver.remove(domain);
    // Without any records, too, no mail can go there.
    if (which < kinds.length) this.#resolver.set(domain, kinds[which] ?? well);
    this.#parts.ledger.fatalDomains.delete(domain);
    if (which === kinds.length || isFatalKind(which)) this.#parts.ledger.domainRefused(domain);
  }

  #dial({ address = '', port, timeoutMs, signal }: DialOptions, life: Life): Promise<End> {
    const { clock, random } = this.#parts;
    const host = this.#hosts.get(address);
    const isDown = host !== undefined && host.downUntil > clock.now();
    if (isDown && host.downHow === 'refused')
      return Promise.reject(new DialError('connection refused', true));
    return new Promise((resolve, reject) => {
      const settle = (action: () => void) => {
        cancel();
        signal?.removeEventListener('abort', aborted);
        if (!life.dead) action();
      };
      const aborted = () => settle(() => reject(new DialError('given up', false)));
      const cancel =
        host === undefined || isDown
          ? clock.after(timeoutMs, () => settle(() => reject(new DialError('no answer', false))))
          : clock.after(Math.floor(random.fraction() * 20), () =>
              settle(() => resolve(this.#connect(host, address, port ?? 0, life))),
            );
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  #connect(host: Host, address: string, port: number, life: Life): End {
    const { clock, random } = this.#parts;
    const line = new Line({
      ...{ clock, random, latencyMs: this.#happens(0.7) ? 0 : 1 + this.#below(500) },
      pieceBytesMax: this.#happens(0.6) ? wholePieces : 700,
      cut: this.#happens(this.moods.cut) ? this.#cut(host.kind) : undefined,
      tlsFails: this.#happens(this.moods.tlsFails),
      caller: { address: '10.9.9.9', port: 40_000, life },
      called: { address, port, life: theWorld },
    });
    lines.get(life)?.add(line) ?? lines.set(life, new Set([line]));
    if (!host.kind && this.#happens(this.moods.rude))
      void this.#rude(line.called, line.options.pieceBytesMax >= wholePieces).catch(() => {});
    else void this.#serve(host, line);
    return line.caller;
  }

  #cut(kind: boolean): Cut {
    const how = this.#happens(0.5) ? 'reset' : 'hole';
    const from = kind || this.#happens(0.5) ? 'called' : 'caller';
    return { from, how, afterBytes: this.#below(from === 'called' ? 700 : 3_000) };
  }

  #serve(host: Host, line: Line): Promise<void> {
    const { clock, random, ledger } = this.#parts;
    const { protocol, withheld, startTls, recipients, messages, messageBytes } = host;
    const session = new ServerSession({
      ...{ protocol, hostname: host.name, secure: false, startTls, mechanisms: [], withheld },
      ...{ trusted: false, authRequired: false, bareNewlines: 'refuse' },
      limits: {
        ...defaultLimits,
        recipients,
        messagesPerConnection: messages,
        messageSize: messageBytes,
        textLine: 0,
      },
    });
    const answerer = new HostAnswerer({
      ...{ clock, random, ledger, client: line.caller, protocol },
      moods: () => (host.kind ? { ...peaceful, slow: this.moods.slow } : this.moods),
      number: () => {
        this.#taken += 1;
        return this.#taken;
      },
      ...{ domain: host.domain, takes8Bit: !withheld.has('8BITMIME') },
    });
    const begin = (peer: { readonly tls: unknown }) => (peer as End).startTls(30_000);
    return new Conversation({
      ...{ peer: line.called, session, answerer, startTls: begin, log: silentLog, clock },
    }).run();
  }

  /** Anything but SMTP. */
  async #rude(end: End, arrivesWhole: boolean): Promise<void> {
    const { clock, random } = this.#parts;
    const pause = (ms: number) =>
      new Promise<void>((resolve) => {
        clock.after(ms, resolve);
      });
    // A lie is only found out when it comes together with what it is too early for.
    switch (this.#below(arrivesWhole ? 7 : 5)) {
      case 0:
        return end.destroy();
      case 1: // silence
        await pause(3 * hour);
        return end.destroy();
      case 2:
        await end.write(random.bytes(300));
        break;
      case 3: // a reply without end
        for (let i = 0; i < 3000 && !end.isClosed; i += 1) {
          await end.write(`220-${'x'.repeat(400)}\r\n`);
          if (i % 50 === 0) await pause(1000);
        }
        break;
      case 4: // an octet now and then
        for (let i = 0; i < 300 && !end.isClosed; i += 1) {
          await end.write(i === 0 ? '220-' : 'x');
          await pause(50_000);
        }
        break;
      case 5: // everything at once, unasked
        await end.write('220 hi\r\n250 hi\r\n250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n');
        break;
      case 6: // answers DATA and the message in one breath, having seen neither
        await this.#hasty(end);
        break;
    }
    await pause(10 * minute);
    end.destroy();
  }

  async #hasty(end: End): Promise<void> {
    await end.write('220 mx ESMTP\r\n');
    for (let text = ''; ; ) {
      const bytes = await end.read(10 * minute);
      if (bytes === undefined) return;
      text += Buffer.from(bytes).toString('latin1');
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n')) {
        const line = text.slice(0, at).toUpperCase();
        text = text.slice(at + 1);
        await end.write(line.startsWith('DATA') ? '354 go\r\n250 taken\r\n' : '250 ok\r\n');
      }
    }
  }

  #happens(probability: number): boolean {
    return this.#parts.random.fraction() < probability;
  }

  #below(limit: number): number {
    return Math.floor(this.#parts.random.fraction() * limit);
  }
}

const lines = new WeakMap<Life, Set<Line>>();

/** The process is dead: so are its outgoing connections. */
export function dropLines(life: Life): void {
  for (const line of lines.get(life) ?? []) line.caller.die();
}

interface HostAnswererParts {
  readonly clock: FakeClock;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly moods: () => Moods;
  /** The server's end of the line: what it has read it has read. */
  readonly client: End;
  readonly protocol: 'smtp' | 'lmtp';
  readonly number: () => number;
  readonly domain: string;
  readonly takes8Bit: boolean;
}

const ok = reply(250, '0.0', 'OK');

/** A host's answers: yes, no, later, goodbye, or yes after a long time. */
class HostAnswerer implements Answerer {
  readonly #parts: HostAnswererParts;
  #sender = '';
  #recipients: string[] = [];
  #pieces: Buffer[] = [];

  constructor(parts: HostAnswererParts) {
    this.#parts = parts;
  }

  answer(question: Question): ServerAnswer | Promise<ServerAnswer> {
    const { random } = this.#parts;
    const answer = this.#decide(question);
    if (random.fraction() >= this.#parts.moods().slow * 0.3) return answer;
    return new Promise((resolve) => {
      this.#parts.clock.after(Math.floor(random.fraction() * 15 * minute), () => resolve(answer));
    });
  }

  content(bytes: Uint8Array): undefined {
    this.#pieces.push(Buffer.from(bytes));
  }

  reset(): undefined {
    this.#pieces = [];
    this.#recipients = [];
  }

  secured() {
    return { mechanisms: [], trusted: false };
  }

  #decide(question: Question): ServerAnswer {
    switch (question.kind) {
      case 'connect':
        return this.#greet();
      case 'mail':
        this.#recipients = [];
        this.#pieces = [];
        this.#sender = question.from === null ? '' : formatMailbox(question.from);
        return this.#no(0.3, 0) ?? ok;
      case 'rcpt': {
        const address = formatMailbox(question.to);
        const no = this.#no(1, 1);
        if (no !== undefined && no.code >= 500) this.#refuse(undefined, address);
        if (no === undefined) this.#recipients.push(address);
        return no ?? ok;
      }
      case 'data':
        return this.#no(0.2, 0) ?? reply(354, undefined, 'go on');
      case 'message':
        return this.#message();
      default:
        return ok;
    }
  }

  #greet(): Reply {
    const { random, moods, ledger, domain } = this.#parts;
    if (random.fraction() >= moods().refuse * 0.05)
      return this.#no(0.2, 0) ?? reply(220, undefined, 'ready');
    // RFC 7504 §3: no mail here, ever. What comes later may be let in again.
    ledger.domainRefused(domain);
    return reply(521, '3.2', 'No mail here');
  }

  #message(): ServerAnswer {
    const content = Buffer.concat(this.#pieces);
    const recipients = this.#recipients;
    this.reset();
    if (this.#parts.protocol === 'lmtp')
      return { each: recipients.map((address) => this.#take(content, [address])) };
    return this.#take(content, recipients);
  }

  #take(content: Buffer, recipients: readonly string[]): Reply {
    const { number, client, ledger } = this.#parts;
    const no = this.#no(0.5, 0.5);
    if (no !== undefined) {
      if (no.code >= 500) for (const address of recipients) this.#refuse(content, address);
      return no;
    }
    const text = `Taken as ${number()}.`;
    if (!this.#parts.takes8Bit && has8Bit(content))
      ledger.failure ??= new Error(`8-bit content for a host of 7 bits:\n${content}`);
    const isGone = client.isClosed || client.life.dead;
    const giver = { wasHeard: () => client.seen.includes(`${text}\r\n`), isGone };
    for (const address of recipients) ledger.arrived(content, address, this.#sender, giver);
    return reply(250, '6.0', text);
  }

  #refuse(content: Buffer | undefined, address: string): void {
    this.#parts.ledger.refused(content, address, this.#sender);
  }

  #no(deferShare: number, refuseShare: number): Reply | undefined {
    const { random, moods } = this.#parts;
    const { defer, refuse, shut } = moods();
    if (random.fraction() < shut * 0.2) return reply(421, '3.2', 'Going down');
    if (random.fraction() < defer * deferShare) return reply(451, '7.1', 'Greylisted');
    if (random.fraction() < refuse * refuseShare) return reply(550, '1.1', 'No such user');
    return undefined;
  }
}
