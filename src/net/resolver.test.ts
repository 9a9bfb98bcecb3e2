import assert from 'node:assert/strict';
import type { RemoteInfo, Socket } from 'node:dgram';
import { createSocket } from 'node:dgram';
import promises, { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import type { Server } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Answer as AnyRecord, DecodedPacket } from 'dns-packet';
import * as packet from 'dns-packet';
import { freePorts } from '../../test/ports.ts';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { systemRandom } from '../base/random.ts';
import { fc } from '../base/test-properties.ts';
import { DnsBusy, DnsError } from '../dns/resolver.ts';
import { encodeQuery, readAnswer } from './dns-message.ts';
import type { ResolverOptions } from './resolver.ts';
import { createResolver } from './resolver.ts';
import { parseHosts, parseResolvConf, parseServer, WatchedFile } from './system-names.ts';

interface Asked {
  readonly query: DecodedPacket;
  readonly name: string;
  readonly type: string;
  readonly via: 'udp' | 'tcp';
  readonly from: RemoteInfo | undefined;
  /** Sends more than one datagram, or something else than an answer. */
  readonly send: (bytes: Buffer) => void;
}

interface Said {
  readonly rcode?: number;
  readonly flags?: number;
  readonly answers?: AnyRecord[];
  readonly authorities?: AnyRecord[];
}

/** What a scripted server says; undefined is silence. */
type Script = (asked: Asked) => Said | undefined;

/** A name server on 127.0.0.1 that follows a script, by UDP and TCP on one port. */
class ScriptedServer {
  readonly asked: Asked[] = [];
  readonly #udp: Socket;
  readonly #tcp: Server;
  readonly #script: Script;
  #port = 0;
  #arrived: (() => void)[] = [];

  constructor(script: Script, family: 'udp4' | 'udp6') {
    this.#script = script;
    this.#udp = createSocket(family);
    this.#udp.on('message', (bytes, from) =>
      this.#answer(bytes, 'udp', from, (out) => this.#udp.send(out, from.port, from.address)),
    );
    this.#tcp = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (bytes: Buffer) =>
        this.#answer(bytes.subarray(2), 'tcp', undefined, (out) => {
          const length = Buffer.alloc(2);
          length.writeUInt16BE(out.length);
          // Cut where a reader would rather not have it cut.
          socket.write(length.subarray(0, 1));
          setImmediate(() => socket.write(Buffer.concat([length.subarray(1), out])));
        }),
      );
    });
  }

  static async start(script: Script, family: 'udp4' | 'udp6' = 'udp4'): Promise<ScriptedServer> {
    const server = new ScriptedServer(script, family);
    const host = family === 'udp4' ? '127.0.0.1' : '::';
    [server.#port = 0] = await freePorts(1);
    await new Promise<void>((resolve) => server.#tcp.listen(server.#port, host, resolve));
    await new Promise<void>((resolve) => server.#udp.bind(server.#port, host, resolve));
    return server;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  /** Resolves when the server has been asked `times` times. */
  async askedTimes(times: number): Promise<void> {
    while (this.asked.length < times)
      await new Promise<void>((resolve) => {
        this.#arrived.push(resolve);
      });
  }

  /** As where a firewall lets datagrams through alone. */
  closeTcp(): void {
    this.#tcp.close();
  }

  close(): void {
    this.#udp.close();
    this.#tcp.close();
  }

  #answer(
    bytes: Buffer,
    via: 'udp' | 'tcp',
    from: RemoteInfo | undefined,
    send: (bytes: Buffer) => void,
  ): void {
    const query = packet.decode(bytes);
    const { name = '', type = 'A' } = query.questions?.[0] ?? {};
    const asked = { query, name, type, via, from, send };
    this.asked.push(asked);
    const said = this.#script(asked);
    if (said !== undefined) send(response(query, said));
    for (const arrived of this.#arrived.splice(0)) arrived();
  }
}

function response(query: DecodedPacket, { rcode = 0, flags = 0, ...sections }: Said): Buffer {
  return packet.encode({
    type: 'response',
    id: query.id ?? 0,
    flags: packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE | flags | rcode,
    questions: query.questions ?? [],
    ...sections,
  });
}

const a = (name: string, data: string, ttl = 300): AnyRecord => ({ type: 'A', name, data, ttl });
const cname = (name: string, data: string, ttl = 300): AnyRecord => ({
  type: 'CNAME',
  name,
  data,
  ttl,
});
const soa = (minimum: number, ttl = 3_600): AnyRecord => ({
  type: 'SOA',
  name: 'example',
  ttl,
  data: { mname: 'ns.example', rname: 'h.example', minimum },
});

const servers: ScriptedServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
let directory = '';
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'resolver-'));
});
after(() => rm(directory, { recursive: true }));

async function serverOf(script: Script): Promise<ScriptedServer> {
  const server = await ScriptedServer.start(script);
  servers.push(server);
  return server;
}

function resolverOf(
  list: readonly Pick<ScriptedServer, 'address'>[],
  options: Partial<ResolverOptions> = {},
) {
  return createResolver({
    servers: list.map(({ address }) => address),
    timeout: 1_000,
    attempts: 2,
    clock: new FakeClock(),
    random: systemRandom,
    log: silentLog,
    hostsPath: join(directory, 'no-hosts'),
    ...options,
  });
}

describe('createResolver', () => {
  it('reads every type of record we ask for', async () => {
    const data = Buffer.from('0102ff', 'hex');
    const records: Record<string, AnyRecord[]> = {
      A: [a('h.example', '192.0.2.1'), a('h.example', '192.0.2.2')],
      AAAA: [{ type: 'AAAA', name: 'H.EXAMPLE', data: '2001:db8::1' }],
      MX: [
        { type: 'MX', name: 'h.example', data: { preference: 10, exchange: 'MX.example' } },
        { type: 'MX', name: 'h.example', data: { preference: 0, exchange: '.' } },
      ],
      TXT: [{ type: 'TXT', name: 'h.example', data: ['v=spf1 ', Buffer.from('-all')] }],
      PTR: [{ type: 'PTR', name: 'h.example', data: 'Host.Example' }],
      TLSA: [
        {
          type: 'TLSA',
          name: 'h.example',
          data: { usage: 3, selector: 1, matchingType: 1, certificate: data },
        },
      ],
    };
    const server = await serverOf(({ type }) => ({ answers: records[type] ?? [] }));
    const resolver = resolverOf([server]);
    const found: unknown[] = [];
    for (const type of ['A', 'AAAA', 'MX', 'TXT', 'PTR', 'TLSA'] as const) {
      const answer = await resolver.resolve('h.example', type);
      assert(answer.kind === 'records');
      assert.equal(answer.name, 'h.example');
      found.push(answer.records);
    }
    assert.deepEqual(found, [
      ['192.0.2.1', '192.0.2.2'],
      ['2001:db8::1'],
      [
        { preference: 10, exchange: 'mx.example' },
        { preference: 0, exchange: '' },
      ],
      ['v=spf1 -all'],
      ['host.example'],
      [{ usage: 3, selector: 1, matching: 1, data: Uint8Array.from(data) }],
    ]);
  });

  it('RFC 1035 §4.1.1: tells a name that does not exist from one without such records', async () => {
    const server = await serverOf(({ name }) => ({
      rcode: name === 'gone.example' ? 3 : 0,
      authorities: [soa(60)],
    }));
    const resolver = resolverOf([server]);
    assert.equal((await resolver.resolve('gone.example', 'A')).kind, 'no-domain');
    assert.equal((await resolver.resolve('bare.example', 'A')).kind, 'no-records');
  });

  it('RFC 5321 §5.1: follows CNAMEs within the answer, and names where they lead', async () => {
    const server = await serverOf(() => ({
      answers: [
        cname('a.example', 'b.example'),
        cname('b.example', 'C.example'),
        a('c.example', '192.0.2.3'),
      ],
    }));
    const answer = await resolverOf([server]).resolve('a.example', 'A');
    assert(answer.kind === 'records');
    assert.deepEqual([answer.name, ...answer.records], ['c.example', '192.0.2.3']);
  });

  it('follows CNAMEs that the server did not follow', async () => {
    const server = await serverOf(({ name }) =>
      name === 'a.example'
        ? { answers: [cname('a.example', 'b.example')] }
        : { answers: [a('b.example', '192.0.2.3')] },
    );
    const answer = await resolverOf([server]).resolve('a.example', 'A');
    assert.equal(answer.kind === 'records' && answer.name, 'b.example');
    assert.equal(server.asked.length, 2);
  });

  it('CNAMEs without end are a failure, in one answer or in many', async () => {
    const circle = await serverOf(() => ({
      answers: [cname('a.example', 'b.example'), cname('b.example', 'a.example')],
    }));
    await assert.rejects(resolverOf([circle]).resolve('a.example', 'A'), DnsError);
    const chain = await serverOf(({ name }) => ({ answers: [cname(name, `x${name}`)] }));
    await assert.rejects(resolverOf([chain]).resolve('a.example', 'A'), DnsError);
    assert.ok(chain.asked.length < 20);
  });

  it('records of other names in the answer are not believed', async () => {
    const server = await serverOf(() => ({ answers: [a('evil.example', '192.0.2.66')] }));
    assert.equal((await resolverOf([server]).resolve('h.example', 'A')).kind, 'no-records');
  });

  it('RFC 1035 §4.2.2: asks again over TCP when the answer is truncated', async () => {
    const many = Array.from({ length: 500 }, (_, i) =>
      a('h.example', `192.0.${i >> 8}.${i & 255}`),
    );
    const server = await serverOf(({ via }) =>
      via === 'udp' ? { flags: packet.TRUNCATED_RESPONSE } : { answers: many },
    );
    const answer = await resolverOf([server]).resolve('h.example', 'A');
    assert.equal(answer.kind === 'records' && answer.records.length, 500);
    assert.deepEqual(
      server.asked.map(({ via }) => via),
      ['udp', 'tcp'],
    );
  });

  it('what is truncated, and not to be had over TCP, is a failure and never a part of the answer', async () => {
    const part = { flags: packet.TRUNCATED_RESPONSE, answers: [a('h.example', '192.0.2.1')] };
    const cut = await serverOf(() => part);
    await assert.rejects(
      resolverOf([cut]).resolve('h.example', 'A'),
      /h\.example A: .*truncated over TCP/,
    );
    const clock = new FakeClock();
    const silent = await serverOf(({ via }) => (via === 'udp' ? part : undefined));
    const asking = resolverOf([silent], { clock, attempts: 1 }).resolve('h.example', 'A');
    const failed = assert.rejects(asking, /no answer in time/);
    await silent.askedTimes(2);
    await clock.advance(1_000);
    await failed;
    const closed = await serverOf(() => part);
    closed.closeTcp();
    await assert.rejects(resolverOf([closed]).resolve('h.example', 'A'), DnsError);
  });

  it('RFC 2308 §5 and RFC 1035 §3.2.1: keeps answers as long as their TTL says', async () => {
    const clock = new FakeClock();
    const server = await serverOf(({ name }) =>
      name === 'h.example'
        ? { answers: [cname('h.example', 'i.example', 60), a('i.example', '192.0.2.1', 600)] }
        : { rcode: 3, authorities: [soa(30)] },
    );
    const resolver = resolverOf([server], { clock });
    const ask = async (name: string) => {
      const before = server.asked.length;
      await resolver.resolve(name, 'A');
      return server.asked.length - before;
    };
    assert.deepEqual(
      [await ask('h.example'), await ask('H.example.'), await ask('gone.example')],
      [1, 0, 1],
    );
    await clock.advance(29_000);
    assert.deepEqual([await ask('h.example'), await ask('gone.example')], [0, 0]);
    await clock.advance(1_000);
    assert.deepEqual([await ask('h.example'), await ask('gone.example')], [0, 1]);
    await clock.advance(30_000);
    assert.deepEqual([await ask('h.example')], [1]);
  });

  it('RFC 2181 §8: a TTL with its highest bit set is zero; a long one is cut', async () => {
    const clock = new FakeClock();
    const server = await serverOf(({ name }) => ({
      answers: [a(name, '192.0.2.1', name === 'odd.example' ? 0xff_ff_ff_ff : 0x7f_ff_ff_ff)],
    }));
    const resolver = resolverOf([server], { clock });
    const askBoth = async () => {
      await resolver.resolve('odd.example', 'A');
      await resolver.resolve('long.example', 'A');
    };
    await askBoth();
    await clock.advance(1_001);
    await askBoth();
    await clock.advance(3_600_000);
    await askBoth();
    const names = server.asked.map(({ name }) => name.split('.')[0]);
    assert.deepEqual(names, ['odd', 'long', 'odd', 'odd', 'long']);
  });

  it('keeps no more answers than it may', async () => {
    const server = await serverOf(({ name }) => ({ answers: [a(name, '192.0.2.1')] }));
    const resolver = resolverOf([server], { cacheEntries: 2 });
    for (const name of ['a', 'b', 'c', 'b', 'a']) await resolver.resolve(`${name}.example`, 'A');
    const names = server.asked.map(({ name }) => name[0]);
    assert.deepEqual(names, ['a', 'b', 'c', 'a']);
  });

  it('a question asked by many at once is sent once', async () => {
    const server = await serverOf(({ name }) => ({ answers: [a(name, '192.0.2.1')] }));
    const resolver = resolverOf([server]);
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => resolver.resolve('h.example', 'A')),
    );
    assert.ok(answers.every(({ kind }) => kind === 'records'));
    assert.equal(server.asked.length, 1);
  });

  it('asks many names at once with a bounded number of sockets', async () => {
    const server = await serverOf(({ name }) => ({ answers: [a(name, '192.0.2.1')] }));
    const resolver = resolverOf([server]);
    const names = Array.from({ length: 400 }, (_, i) => `h${i}.example`);
    const answers = await Promise.all(names.map((name) => resolver.resolve(name, 'A')));
    assert.ok(answers.every(({ kind }) => kind === 'records'));
  });

  it('whoever asks for silent names keeps nobody else waiting, nor a name from others', async () => {
    const clock = new FakeClock();
    const server = await serverOf(({ name }) =>
      name.endsWith('.evil.example') ? undefined : { answers: [a(name, '192.0.2.1')] },
    );
    const resolver = resolverOf([server], { clock });
    const evil = { asker: 'evil' };
    const silent = Array.from({ length: 300 }, (_, n) =>
      assert.rejects(resolver.resolve(`h${n}.evil.example`, 'A', evil), DnsError),
    );
    const kindOf = async (name: string, asker?: string) =>
      (await resolver.resolve(name, 'A', { asker })).kind;
    assert.equal(await kindOf('a.example', 'other'), 'records');
    assert.equal(await kindOf('b.example'), 'records');
    const asked = resolver.resolve('c.example', 'A', evil);
    const refused = assert.rejects(resolver.resolve('d.example', 'A', evil), DnsBusy);
    assert.equal(await kindOf('c.example', 'other'), 'records');
    assert.equal((await asked).kind, 'records');
    await clock.advance(950);
    await refused;
    assert.equal(await kindOf('d.example', 'other'), 'records');
    assert.ok(server.asked.length < 80, `${server.asked.length} questions`);
    const over = Promise.all(silent);
    await clock.advance(60_000);
    await over;
  });

  it('RFC 5452 §9: ignores answers with another id, another question or from another source', async () => {
    const forger = createSocket('udp4');
    const server = await serverOf(({ query, name, type, from, send }) => {
      const forged = { answers: [a(name, '192.0.2.66')] };
      send(response({ ...query, id: ((query.id ?? 0) + 1) & 0xffff }, forged));
      send(response({ ...query, questions: [{ name: 'other.example', type: 'A' }] }, forged));
      send(response({ ...query, questions: [{ name, type: 'AAAA' }] }, forged));
      send(Buffer.from('nonsense'));
      send(packet.encode({ type: 'query', id: query.id ?? 0, questions: query.questions ?? [] }));
      const answer = { answers: [a(name, '192.0.2.1')] };
      assert.equal(type, 'A');
      forger.send(response(query, forged), from!.port, from!.address, () =>
        send(response(query, answer)),
      );
      return undefined;
    });
    const answer = await resolverOf([server]).resolve('h.example', 'A');
    forger.close();
    assert.deepEqual(answer.kind === 'records' && answer.records, ['192.0.2.1']);
  });

  it('RFC 5452 §4: ids and source ports differ from question to question', async () => {
    const server = await serverOf(({ name }) => ({ answers: [a(name, '192.0.2.1')] }));
    const resolver = resolverOf([server]);
    await Promise.all(Array.from({ length: 20 }, (_, i) => resolver.resolve(`h${i}.example`, 'A')));
    assert.ok(new Set(server.asked.map(({ query }) => query.id)).size > 15);
    assert.ok(new Set(server.asked.map(({ from }) => from?.port)).size > 15);
  });

  it('goes to the next server when one fails, and throws when all do', async () => {
    const failing = await serverOf(() => ({ rcode: 2 }));
    const refusing = await serverOf(() => ({ rcode: 5 }));
    const working = await serverOf(({ name }) => ({ answers: [a(name, '192.0.2.1')] }));
    const answer = await resolverOf([failing, refusing, working]).resolve('h.example', 'A');
    assert.equal(answer.kind, 'records');
    const without = resolverOf([failing, refusing]);
    // What is said to others names no server of ours; the operator is told which said what.
    await assert.rejects(without.resolve('h.example', 'A'), ({ message, detail }: DnsError) => {
      assert.equal(message, 'h.example A: SERVFAIL, REFUSED');
      assert.match(detail, /: 127\.0\.0\.1: SERVFAIL, 127\.0\.0\.1: REFUSED$/);
      return true;
    });
    // A server that spoke is not asked a second time; the failure is kept for a moment.
    await assert.rejects(without.resolve('h.example', 'A'), DnsError);
    assert.equal(failing.asked.length, 2);
  });

  it('goes to the next server when there is no way to one, at once', async () => {
    const working = await serverOf(({ name }) => ({ answers: [a(name, '192.0.2.1')] }));
    // Nobody may call the broadcast address: what the system says of it, it says of a network that is down, too.
    const resolver = resolverOf([{ address: '255.255.255.255' }, working]);
    const answer = await resolver.resolve('h.example', 'A');
    assert.equal(answer.kind, 'records');
  });

  it('goes to the next server when one is silent, and asks the silent one last then', async () => {
    const clock = new FakeClock();
    const silent = await serverOf(() => undefined);
    const working = await serverOf(({ name }) => ({ answers: [a(name, '192.0.2.1')] }));
    const resolver = resolverOf([silent, working], { clock });
    const asking = resolver.resolve('a.example', 'A');
    await silent.askedTimes(1);
    await clock.advance(1_000);
    assert.equal((await asking).kind, 'records');
    await resolver.resolve('b.example', 'A');
    assert.deepEqual([silent.asked.length, working.asked.length], [1, 2]);
  });

  it('silence of all is a temporary failure, after as many rounds as configured', async () => {
    const clock = new FakeClock();
    const silent = await serverOf(() => undefined);
    const asking = resolverOf([silent], { clock }).resolve('a.example', 'A');
    const failed = assert.rejects(asking, DnsError);
    for (const round of [1, 2]) {
      await silent.askedTimes(round);
      await clock.advance(1_000);
    }
    await failed;
    assert.equal(silent.asked.length, 2);
  });

  it('an answer that comes ten seconds late is none; whoever asks again has one', async () => {
    const clock = new FakeClock();
    const late: (() => void)[] = [];
    const slow = await serverOf(({ query, name, send }) => {
      const answer = response(query, { answers: [a(name, '192.0.2.1')] });
      if (late.length >= 2) send(answer);
      else late.push(() => send(answer));
      return undefined;
    });
    const resolver = resolverOf([slow], { clock, timeout: 5_000 });
    const failed = assert.rejects(resolver.resolve('a.example', 'A'), /no answer in time/);
    await slow.askedTimes(1);
    await clock.advance(5_000);
    await slow.askedTimes(2);
    await clock.advance(5_000);
    await failed;
    for (const answer of late) answer();
    await assert.rejects(resolver.resolve('a.example', 'A'), DnsError, 'remembered for a moment');
    await clock.advance(6_000);
    assert.equal((await resolver.resolve('a.example', 'A')).kind, 'records');
  });

  it('RFC 4343 §2: the case of a name says nothing; RFC 5452 §9.1: all else has to be as it was asked', async () => {
    const server = await serverOf(({ query, name, type, send }) => {
      const questions = [{ name: name.toUpperCase(), type: type as 'A' }];
      send(response({ ...query, questions }, { answers: [a('H.eXample', '192.0.2.1')] }));
      return undefined;
    });
    const answer = await resolverOf([server]).resolve('h.example', 'A');
    assert.deepEqual(answer.kind === 'records' && answer.records, ['192.0.2.1']);
    const clock = new FakeClock();
    const liar = await serverOf(({ query, name, send }) => {
      for (let i = 0; i < 200; i += 1)
        send(
          response(
            { ...query, id: ((query.id ?? 0) + 1) & 0xffff },
            { answers: [a(name, '192.0.2.66')] },
          ),
        );
      return undefined;
    });
    const lied = resolverOf([liar], { clock, attempts: 1 }).resolve('h.example', 'A');
    await assert.rejects(lied, /answers that nobody asked for/);
  });

  it('an answer that cannot be read is a failure of that server', async () => {
    const broken = await serverOf(({ query, send }) => {
      const whole = response(query, { answers: [a('h.example', '192.0.2.1')] });
      send(whole.subarray(0, whole.length - 3));
      return undefined;
    });
    await assert.rejects(resolverOf([broken]).resolve('h.example', 'A'), DnsError);
  });

  it('nobody listening is a temporary failure', async () => {
    const server = await serverOf(() => undefined);
    servers.pop()?.close();
    await assert.rejects(resolverOf([server]).resolve('h.example', 'A'), DnsError);
  });

  it('RFC 6891 §7: asks again without EDNS when the server does not know it', async () => {
    const server = await serverOf(({ query, name }) =>
      (query.additionals?.length ?? 0) > 0 ? { rcode: 1 } : { answers: [a(name, '192.0.2.1')] },
    );
    assert.equal((await resolverOf([server]).resolve('h.example', 'A')).kind, 'records');
  });

  it('RFC 4035 §4.9.3: believes the AD bit of loopback servers, and asks for it', async () => {
    const server = await serverOf(({ name }) => ({
      flags: name === 'signed.example' ? packet.AUTHENTIC_DATA : 0,
      answers: [a(name, '192.0.2.1')],
    }));
    const resolver = resolverOf([server]);
    assert.equal((await resolver.resolve('signed.example', 'A')).authenticated, true);
    assert.equal((await resolver.resolve('plain.example', 'A')).authenticated, false);
    const opt = server.asked[0]?.query.additionals?.[0];
    assert.equal(opt?.type === 'OPT' && opt.flag_do, true);
    assert.equal(server.asked[0]?.query.flag_ad, true);
  });

  it('RFC 4035 §4.9.3: of other servers only when told to', async () => {
    const script: Script = ({ name }) => ({
      flags: packet.AUTHENTIC_DATA,
      answers: [a(name, '192.0.2.1')],
    });
    const server = await ScriptedServer.start(script, 'udp6');
    servers.push(server);
    // Not recognised as loopback, and it is not meant to be.
    const options = { servers: [`[::ffff:127.0.0.1]:${server.port}`] };
    const wary = resolverOf([], options);
    assert.equal((await wary.resolve('h.example', 'A')).authenticated, false);
    assert.equal(server.asked[0]?.query.flag_ad, false);
    const trusting = resolverOf([], { ...options, validating: true });
    assert.equal((await trusting.resolve('h.example', 'A')).authenticated, true);
  });

  it('RFC 4035 §4.9.3: of several servers, of all or of none', async () => {
    const script: Script = ({ name }) =>
      name === 'bogus.example'
        ? { rcode: 2 }
        : { flags: packet.AUTHENTIC_DATA, answers: [a(name, '192.0.2.1')] };
    const validates = await serverOf(script);
    const forges = await ScriptedServer.start(
      ({ name }) => ({ answers: [a(name, '192.0.2.66')] }),
      'udp6',
    );
    servers.push(forges);
    const both = { servers: [validates.address, `[::ffff:127.0.0.1]:${forges.port}`] };
    const wary = resolverOf([], both);
    // What the first does not vouch for, the second says: were the first believed, this would be "not signed".
    assert.equal((await wary.resolve('bogus.example', 'A')).authenticated, false);
    assert.equal((await wary.resolve('h.example', 'A')).authenticated, false);
    const alone = resolverOf([validates]);
    assert.equal((await alone.resolve('h.example', 'A')).authenticated, true);
    await assert.rejects(alone.resolve('bogus.example', 'A'), DnsError);
    const distrusted = resolverOf([validates], { validating: false });
    assert.equal((await distrusted.resolve('h.example', 'A')).authenticated, false);
  });

  it('an alias itself is asked for without being followed', async () => {
    const server = await serverOf(({ name }) => ({
      answers: [cname(name, 'b.example'), cname('b.example', 'c.example')],
    }));
    const answer = await resolverOf([server]).resolve('a.example', 'CNAME');
    assert(answer.kind === 'records');
    assert.deepEqual([answer.name, answer.records], ['a.example', ['b.example']]);
  });

  it('never asks for names that cannot exist', async () => {
    const server = await serverOf(() => ({ rcode: 3 }));
    const resolver = resolverOf([server]);
    for (const name of [
      '',
      '.',
      'a..b',
      `${'a'.repeat(64)}.example`,
      'a b.example',
      '-a.example',
      '[192.0.2.1]',
    ])
      assert.equal((await resolver.resolve(name, 'A')).kind, 'no-domain');
    assert.equal(server.asked.length, 0);
  });

  it('asks for U-labels as A-labels', async () => {
    const server = await serverOf(({ name }) => ({ answers: [a(name, '192.0.2.1')] }));
    await resolverOf([server]).resolve('bücher.example', 'A');
    assert.equal(server.asked[0]?.name, 'xn--bcher-kva.example');
  });

  it('knows the hosts of /etc/hosts, and RFC 6761 §6.3 localhost', async () => {
    const hostsPath = join(directory, 'hosts');
    await writeFile(hostsPath, '192.0.2.9 Mail.internal mail # ours\n2001:db8::9 mail.internal\n');
    const server = await serverOf(() => ({ rcode: 3, authorities: [soa(60)] }));
    const resolver = resolverOf([server], { hostsPath });
    const told = async (name: string, type: 'A' | 'AAAA' | 'MX') => {
      const answer = await resolver.resolve(name, type);
      return answer.kind === 'records' ? answer.records.join() : answer.kind;
    };
    assert.equal(await told('mail.internal', 'A'), '192.0.2.9');
    assert.equal(await told('MAIL.internal', 'AAAA'), '2001:db8::9');
    assert.equal(await told('mail', 'AAAA'), 'no-records');
    assert.equal(await told('localhost', 'A'), '127.0.0.1');
    assert.equal(await told('localhost', 'MX'), 'no-records');
    assert.equal(server.asked.length, 0);
    assert.equal(await told('mail.internal', 'MX'), 'no-records');
    assert.equal(await told('other.internal', 'MX'), 'no-domain');
  });

  it('reads resolv.conf again when it changes, and forgets what the old servers said', async () => {
    const clock = new FakeClock();
    const resolvConfPath = join(directory, 'resolv.conf');
    const one = await serverOf(({ name }) => ({ answers: [a(name, '192.0.2.1')] }));
    const two = await serverOf(({ name }) => ({ answers: [a(name, '192.0.2.2')] }));
    const resolver = createResolver({
      timeout: 1_000,
      attempts: 1,
      clock,
      random: systemRandom,
      log: silentLog,
      resolvConfPath,
      hostsPath: join(directory, 'no-hosts'),
    });
    const ask = async () => {
      const answer = await resolver.resolve('h.example', 'A');
      return answer.kind === 'records' ? answer.records[0] : answer.kind;
    };
    await writeFile(resolvConfPath, `nameserver ${one.address}\n`);
    assert.equal(await ask(), '192.0.2.1');
    await writeFile(resolvConfPath, `# another network\nnameserver ${two.address}\n`);
    assert.equal(await ask(), '192.0.2.1');
    await clock.advance(5_000);
    assert.equal(await ask(), '192.0.2.2');
  });
});

describe('WatchedFile', () => {
  it('is as it was while too many files are open, and read when they are not', async (t) => {
    const clock = new FakeClock();
    const path = join(directory, 'watched');
    const file = new WatchedFile(path, (text) => text, clock);
    const next = async () => {
      await clock.advance(5_000);
      return [await file.refresh(), file.value];
    };
    await writeFile(path, 'one');
    assert.deepEqual(await next(), [true, 'one']);
    await writeFile(path, 'another');
    const full = t.mock.method(promises, 'readFile', async () => {
      throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
    });
    syncBuiltinESMExports();
    t.after(syncBuiltinESMExports);
    assert.deepEqual(await next(), [false, 'one']);
    full.mock.restore();
    syncBuiltinESMExports();
    assert.deepEqual(await next(), [true, 'another']);
    assert.deepEqual(await next(), [false, 'another']);
    await rm(path);
    assert.deepEqual(await next(), [true, '']);
    assert.deepEqual(await next(), [false, '']);
  });
});

describe('parseResolvConf', () => {
  it('takes name servers and trust-ad, and leaves the rest', () => {
    const text =
      '# comment\nsearch example.org\nnameserver 192.0.2.1 # one\n nameserver\t2001:db8::1\n' +
      'nameserver fe80::1%eth0\nnameserver nonsense\noptions edns0 trust-ad\n';
    const { servers, trustAd } = parseResolvConf(text);
    const addresses = servers.map(({ address, port }) => `${address} ${port}`);
    assert.deepEqual(addresses, ['192.0.2.1 53', '2001:db8::1 53', 'fe80::1%eth0 53']);
    assert.equal(trustAd, true);
  });

  it('without a server there is one on this machine', () => {
    const { servers, trustAd } = parseResolvConf('');
    assert.deepEqual([servers, trustAd], [[{ address: '127.0.0.1', port: 53 }], false]);
  });
});

describe('parseServer', () => {
  const table: [string, string | undefined][] = [
    ['192.0.2.1', '192.0.2.1 53'],
    ['192.0.2.1:5353', '192.0.2.1 5353'],
    ['2001:db8::1', '2001:db8::1 53'],
    ['[2001:db8::1]:5353', '2001:db8::1 5353'],
    ['[2001:db8::1]', '2001:db8::1 53'],
    ['192.0.2.1:0', undefined],
    ['192.0.2.1:70000', undefined],
    ['ns.example', undefined],
    ['', undefined],
  ];
  for (const [text, expected] of table)
    it(`${JSON.stringify(text)}: ${expected ?? 'no server'}`, () => {
      const server = parseServer(text);
      assert.equal(server && `${server.address} ${server.port}`, expected);
    });
});

describe('parseHosts', () => {
  it('keeps all addresses of a name, and no nonsense', () => {
    const hosts = parseHosts('127.0.0.1 a\n::1 a b\n127.0.0.1 a\nx y\n192.0.2.1\n# 192.0.2.2 c\n');
    assert.deepEqual(
      [...hosts],
      [
        ['a', ['127.0.0.1', '::1']],
        ['b', ['::1']],
      ],
    );
  });
});

describe('readAnswer', () => {
  const question = { id: 4_711, name: 'h.example', type: 'MX' } as const;
  const valid = packet.encode({
    type: 'response',
    id: question.id,
    questions: [{ type: 'MX', name: 'h.example' }],
    answers: [
      { type: 'CNAME', name: 'h.example', data: 'i.example', ttl: 5 },
      { type: 'MX', name: 'i.example', data: { preference: 1, exchange: 'mx.example' }, ttl: 5 },
      { type: 'TXT', name: 'i.example', data: ['x'] },
    ],
    authorities: [soa(5)],
  });

  it('reads what a server wrote', () => {
    assert.deepEqual(readAnswer(valid, question), {
      kind: 'records',
      records: [{ preference: 1, exchange: 'mx.example' }],
      name: 'i.example',
      ttl: 5,
      ad: false,
    });
  });

  it('its own question is no answer', () => {
    const query = encodeQuery(question, { edns: true, dnssec: true });
    assert.equal(readAnswer(query, question).kind, 'foreign');
  });

  it('RFC 1035 §4.1.3: an answer cut anywhere is no answer', () => {
    const question = { id: 1, name: 'h.example', type: 'TLSA' } as const;
    const whole = packet.encode({
      type: 'response',
      id: 1,
      questions: [{ type: 'TLSA', name: 'h.example' }],
      answers: [
        {
          type: 'TLSA',
          name: 'h.example',
          ttl: 5,
          data: { usage: 3, selector: 1, matchingType: 1, certificate: Buffer.alloc(32, 7) },
        },
      ],
    });
    assert.equal(readAnswer(whole, question).kind, 'records');
    for (let length = 0; length < whole.length; length += 1) {
      const { kind } = readAnswer(whole.subarray(0, length), question);
      assert.ok(kind === 'failure' || kind === 'foreign', `${length} octets: ${kind}`);
    }
  });

  it('never throws, whatever comes', () => {
    const noise = fc.uint8Array({ maxLength: 200 });
    const change = fc.tuple(fc.nat(valid.length - 1), fc.nat(255));
    fc.assert(
      fc.property(
        noise,
        fc.array(change, { maxLength: 8 }),
        fc.nat(valid.length),
        (bytes, changes, cut) => {
          readAnswer(Buffer.from(bytes), question);
          const damaged = Buffer.from(valid);
          for (const [at, value] of changes) damaged[at] = value;
          readAnswer(damaged.subarray(0, cut), question);
          readAnswer(Buffer.concat([valid.subarray(0, cut), bytes]), question);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
