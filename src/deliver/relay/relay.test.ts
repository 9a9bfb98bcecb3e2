import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { freePorts } from '../../../test/ports.ts';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { seededRandom } from '../../base/random.ts';
import type { FakeZone } from '../../dns/fake-resolver.ts';
import { FakeResolver } from '../../dns/fake-resolver.ts';
import type { Resolver } from '../../dns/resolver.ts';
import { issueCertificate } from '../../net/certificate.ts';
import type { Dialer } from '../../net/dialer.ts';
import { createDialer, DialError } from '../../net/dialer.ts';
import { MemoryPeer } from '../../net/memory-peer.ts';
import type { Script, ScriptedServer } from '../../net/scripted-server.ts';
import { scriptedServer } from '../../net/scripted-server.ts';
import type { DeliveryResult } from '../../queue/delivery.ts';
import { defaultTimeouts } from '../../smtp/client/timeouts.ts';
import { formatReply } from '../../smtp/reply.ts';
import type { Content } from '../../store/content.ts';
import type { Lease } from '../../store/queue-store.ts';
import { createRelay } from './create-relay.ts';
import type { RelayOptions } from './relay.ts';
import type { RelayDelivery, RouteOf } from './relay-delivery.ts';
import { deliveryBy } from './relay-delivery.ts';
import type { RelayRoute } from './relay-route.ts';

const issued = issueCertificate({
  commonName: 'mx.example.net',
  names: ['mx.example.net'],
  notBefore: new Date(Date.now() - 3_600_000),
  notAfter: new Date(Date.now() + 3_600_000),
});

/** Hosts by address: each is a server on loopback, or the way it cannot be reached. */
type Hosts = Readonly<Record<string, ScriptedServer | 'refused' | 'silent'>>;

function dialerTo(hosts: Hosts, called: string[]): Dialer {
  const real = createDialer({ authorities: issued.certificate });
  return {
    startTls: real.startTls,
    dial(options) {
      const address = options.address ?? '';
      called.push(address);
      const host = hosts[address];
      if (host === 'refused') return Promise.reject(new DialError('connection refused', true));
      if (host === 'silent')
        return new Promise((_, reject) => {
          options.signal?.addEventListener('abort', () => reject(new DialError('given up', false)));
        });
      return host === undefined
        ? real.dial(options)
        : real.dial({ ...options, address: '127.0.0.1', port: host.port });
    },
  };
}

interface World extends Partial<RelayOptions> {
  readonly routeOf?: RouteOf;
  readonly hosts?: Hosts;
  readonly zone?: FakeZone;
  readonly route?: RelayRoute;
}

interface Made {
  readonly deliver: RelayDelivery;
  readonly called: string[];
  readonly clock: FakeClock;
  [Symbol.asyncDispose](): Promise<void>;
}

const mx: RelayRoute = { kind: 'mx', domain: 'example.net' };
const zone: FakeZone = {
  'example.net': { MX: ['10 mx1.example.net', '20 mx2.example.net'] },
  'mx1.example.net': { A: ['192.0.2.1'] },
  'mx2.example.net': { A: ['192.0.2.2'] },
};

function make({
  hosts = {},
  route = mx,
  routeOf = () => route,
  zone: records = zone,
  ...options
}: World): Made {
  const called: string[] = [];
  const clock = new FakeClock();
  const relay = createRelay({
    hostname: 'relay.example.org',
    resolver: new FakeResolver(records),
    dialer: dialerTo(hosts, called),
    clock,
    random: seededRandom(1),
    log: silentLog,
    ourNames: new Set(['relay.example.org']),
    ...options,
  });
  const deliver = deliveryBy(relay, routeOf);
  return { deliver, called, clock, [Symbol.asyncDispose]: () => deliver.close() };
}

const inMemory = (text: string): Content => {
  const bytes = Buffer.from(text);
  return {
    size: bytes.length,
    bytes,
    async *read() {
      yield bytes;
    },
  };
};

const streamed = (text: string, pieceBytes = 5): Content => ({
  size: Buffer.byteLength(text),
  bytes: undefined,
  async *read() {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  },
});

interface Mail {
  readonly sender?: string;
  readonly params?: readonly string[];
  readonly content?: Content;
  readonly rcptParams?: readonly string[];
}

function lease(addresses: readonly string[], mail: Mail = {}): Lease {
  const { sender = 's@example.org', params = [], rcptParams = [] } = mail;
  const content = mail.content ?? inMemory('Subject: x\r\n\r\n.dot\r\n');
  const origin = { session: 's', service: 'smtp', protocol: 'ESMTP' };
  return {
    destination: 'mx:example.net',
    expires: 0,
    message: { id: 'm', received: 0, sender, params, prefix: 'Received: x\r\n', content, origin },
    recipients: addresses.map((address, index) => ({
      address,
      params: rcptParams,
      delivery: 'relay',
      destination: 'mx:example.net',
      index,
      attempt: 1,
      fence: 1,
      warned: false,
    })),
  };
}

const say = ({ recipients, health }: DeliveryResult) => [
  health,
  ...recipients.map(({ kind, reply }) => `${kind} ${formatReply(reply).trimEnd()}`),
];

const attempt = async ({ deliver }: Made, addresses = ['a@example.net'], mail: Mail = {}) =>
  deliver(lease(addresses, mail), new AbortController().signal);

const only =
  (verb: string, answer: ReturnType<Script>): Script =>
  (heard) =>
    heard === verb ? answer : undefined;

describe('a relay', () => {
  it('RFC 5321 §5.1: hands a message to the preferred host', async () => {
    await using server = await scriptedServer();
    await using world = make({ hosts: { '192.0.2.1': server } });
    const result = await attempt(world);
    assert.deepEqual(say(result), ['ok', 'relayed 250 2.0.0 queued']);
    assert.deepEqual(server.heard, [
      'EHLO relay.example.org',
      'MAIL FROM:<s@example.org>',
      'RCPT TO:<a@example.net>',
      'DATA',
      'Received: x\r\nSubject: x\r\n\r\n..dot\r\n',
    ]);
    const { facts } = result.recipients[0]!;
    assert.deepEqual(facts, {
      ...{ host: 'mx1.example.net', address: '192.0.2.1', port: 25, tls: undefined },
    });
  });

  it('knows where it called when the other end is gone, too', async () => {
    await using server = await scriptedServer({ script: only('MAIL', { hangUp: 'reset' }) });
    const route = { kind: 'host', host: 'localhost', port: server.port, tls: 'none' } as const;
    await using world = make({ route });
    const { facts } = (await attempt(world)).recipients[0]!;
    assert.deepEqual([facts?.host, facts?.port], ['localhost', server.port]);
  });

  it('RFC 5321 §4.2.1: 5yz fails a recipient, 4yz defers it, 2yz relays it', async () => {
    const answers = new Map([
      ['RCPT TO:<b@example.net>', '550 5.1.1 Nobody'],
      ['RCPT TO:<c@example.net>', '450 4.2.1 Greylisted'],
    ]);
    await using server = await scriptedServer({ script: (_, line) => answers.get(line) });
    await using world = make({ hosts: { '192.0.2.1': server } });
    const result = await attempt(world, ['a@example.net', 'b@example.net', 'c@example.net']);
    assert.deepEqual(say(result), [
      'ok',
      'relayed 250 2.0.0 queued',
      'failed 550 5.1.1 Nobody',
      'deferred 450 4.2.1 Greylisted',
    ]);
    assert.ok(result.recipients[1]?.kind === 'failed' && result.recipients[1].remote);
  });

  it('streams content that is not in memory', async () => {
    await using server = await scriptedServer();
    await using world = make({ hosts: { '192.0.2.1': server } });
    const content = streamed(`Subject: x\r\n\r\n${'.line\r\n'.repeat(5000)}`);
    assert.deepEqual(say(await attempt(world, undefined, { content })), [
      'ok',
      'relayed 250 2.0.0 queued',
    ]);
    assert.equal(
      server.heard.at(-1),
      `Received: x\r\nSubject: x\r\n\r\n${'..line\r\n'.repeat(5000)}`,
    );
  });

  it('a store that fails while content is read drops the connection and ends no message', async () => {
    await using server = await scriptedServer();
    await using world = make({ hosts: { '192.0.2.1': server } });
    let readings = 0;
    const content: Content = {
      size: 100,
      bytes: undefined,
      async *read() {
        readings += 1;
        yield Buffer.from('half\r\n');
        // The first reading looks whether the host takes it.
        if (readings > 1) throw new Error('disk on fire');
      },
    };
    await assert.rejects(attempt(world, undefined, { content }), /disk on fire/);
    await server.quiet();
    assert.equal(server.heard.at(-1), 'DATA');
  });

  it('… and who has the message by then is not sent it again', async () => {
    await using server = await scriptedServer({ keywords: ['LIMITS RCPTMAX=1'] });
    await using world = make({ hosts: { '192.0.2.1': server } });
    let readings = 0;
    const content: Content = {
      size: 100,
      bytes: undefined,
      async *read() {
        readings += 1;
        // The first reading looks for 8-bit content, the second goes out.
        if (readings > 2) throw new Error('disk on fire');
        yield Buffer.from('all\r\n');
      },
    };
    const result = await attempt(world, ['a@example.net', 'b@example.net'], {
      content,
      params: ['BODY=7BIT'],
    });
    assert.deepEqual(say(result), [
      'ok',
      'relayed 250 2.0.0 queued',
      'deferred 451 4.3.0 Local error, try again later',
    ]);
  });

  it('RFC 2033 §4.2: speaks LMTP over a Unix socket, a reply for each recipient', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'postrider-test-'));
    const path = join(directory, 'lmtp');
    let replies = 0;
    const script: Script = (verb) =>
      verb === '.' && ++replies === 2 ? '452 4.2.2 full' : undefined;
    await using server = await scriptedServer({ path, script, lmtp: true });
    await using world = make({ route: { kind: 'lmtp', path } });
    const result = await attempt(world, ['a@example.net', 'b@example.net']);
    assert.deepEqual(say(result), ['ok', 'delivered 250 2.0.0 queued', 'deferred 452 4.2.2 full']);
    assert.equal(server.heard[0], 'LHLO relay.example.org');
    // A socket has neither address nor port.
    assert.deepEqual(result.recipients[0]?.facts, {
      ...{ host: path, address: undefined, port: undefined, tls: undefined },
    });
    await rm(directory, { recursive: true });
  });

  it('what the store calls a destination without a route waits', async () => {
    const world = make({ routeOf: () => undefined });
    assert.match(say(await attempt(world))[1]!, /^deferred 451 4\.4\.4/);
  });
});

describe('the hosts of a domain', () => {
  const refusals: [what: string, zone: FakeZone, expected: RegExp][] = [
    ['RFC 7505 §4: a null MX', { 'example.net': { MX: ['0 .'] } }, /^failed 556 5\.1\.10/],
    ['RFC 5321 §5.1: no such domain', {}, /^failed 550 5\.1\.2/],
    [
      'RFC 5321 §5.1: we are the best host',
      { 'example.net': { MX: ['1 relay.example.org'] } },
      /^failed 5\d\d 5\.4\.6/,
    ],
    ['a DNS that fails', { 'example.net': { fails: 'servfail' } }, /^deferred 451 4\.4\.3/],
  ];
  for (const [what, records, expected] of refusals)
    it(what, async () => {
      await using world = make({ zone: records });
      assert.match(say(await attempt(world))[1]!, expected);
      assert.deepEqual(world.called, []);
    });

  /** What the first host does, and whether the second one gets the message. */
  const faults: [what: string, first: 'refused' | Script, tried: RegExp][] = [
    ['refuses the connection', 'refused', /connection refused/],
    ['greets with 421', only('', '421 4.3.2 busy'), /421|busy/],
    ['RFC 7504 §3: greets with 521', only('', '521 no mail here'), /no mail here/],
    ['greets with 554', only('', '554 5.7.1 go away'), /554 5\.7\.1 go away/],
    ['hangs up instead of greeting', only('', { hangUp: 'close' }), /closed before the greeting/],
    ['resets the connection', only('', { hangUp: 'reset' }), /connection/],
    ['speaks another protocol', only('', 'SSH-2.0-OpenSSH'), /No SMTP reply/],
    ['refuses EHLO for now', only('EHLO', '451 4.3.0 later'), /later/],
    ['hangs up after EHLO', only('EHLO', { hangUp: 'close' }), /closed after EHLO/],
    ['refuses everybody for now', only('RCPT', '451 4.3.0 not now'), /not now/],
    ['refuses MAIL for now', only('MAIL', '452 4.3.1 full'), /full/],
    ['hangs up after MAIL', only('MAIL', { hangUp: 'reset' }), /The connection/],
    [
      'never ends its reply',
      only('EHLO', '250-more\n'.repeat(2000).trimEnd()),
      /More than 500 lines/,
    ],
  ];
  for (const [what, first, expected] of faults)
    it(`the next one gets the mail when the first ${what}`, async () => {
      await using one = await scriptedServer(first === 'refused' ? {} : { script: first });
      await using two = await scriptedServer();
      await using world = make({
        hosts: { '192.0.2.1': first === 'refused' ? first : one, '192.0.2.2': two },
      });
      const result = await attempt(world);
      assert.deepEqual(say(result), ['ok', 'relayed 250 2.0.0 queued']);
      const { facts } = result.recipients[0]!;
      assert.equal(facts?.host, 'mx2.example.net');
      assert.equal(facts?.tried?.length, 1);
      assert.match(facts!.tried![0]!, expected);
    });

  it('RFC 5321 §4.5.3.2: a silent host gives way to the next', async () => {
    await using one = await scriptedServer({ script: only('', 'silence') });
    await using two = await scriptedServer();
    const timeouts = {
      ...defaultTimeouts,
      // The other one has all the time that it needs.
      get greetingMs() {
        return world.called.length === 1 ? 20 : defaultTimeouts.greetingMs;
      },
    };
    await using world = make({ hosts: { '192.0.2.1': one, '192.0.2.2': two }, timeouts });
    const result = await attempt(world);
    assert.deepEqual(say(result), ['ok', 'relayed 250 2.0.0 queued']);
    assert.match(result.recipients[0]!.facts!.tried![0]!, /No greeting for/);
  });

  it('a 5yz to a recipient is final: no other host is asked', async () => {
    await using one = await scriptedServer({ script: only('RCPT', '550 5.1.1 Nobody') });
    await using two = await scriptedServer();
    await using world = make({ hosts: { '192.0.2.1': one, '192.0.2.2': two } });
    assert.deepEqual(say(await attempt(world)), ['ok', 'failed 550 5.1.1 Nobody']);
    assert.deepEqual(world.called, ['192.0.2.1']);
  });

  /** When it hangs up: BDAT has left before the answer to MAIL could come. */
  const tooLate: [keywords: string[], verb: string][] = [
    [['PIPELINING'], '.'],
    [['PIPELINING', 'CHUNKING'], '.'],
    [['PIPELINING', 'CHUNKING'], 'MAIL'],
  ];
  for (const [keywords, verb] of tooLate)
    it(`once the end of data is out, no other host gets the message (${keywords}, ${verb})`, async () => {
      await using one = await scriptedServer({ keywords, script: only(verb, { hangUp: 'reset' }) });
      await using two = await scriptedServer();
      await using world = make({ hosts: { '192.0.2.1': one, '192.0.2.2': two } });
      assert.match(say(await attempt(world))[1]!, /^deferred 451 4\.4\.2/);
      assert.deepEqual(world.called, ['192.0.2.1']);
    });

  it('RFC 3030: where BDAT is offered and not known, the message goes by DATA, to the same host', async () => {
    const script: Script = (verb) =>
      verb === '.' && one.heard.at(-2)?.startsWith('BDAT') ? '502 5.5.1 no such' : undefined;
    const keywords = ['PIPELINING', 'CHUNKING'];
    await using one: ScriptedServer = await scriptedServer({ keywords, script });
    await using world = make({ hosts: { '192.0.2.1': one, '192.0.2.2': 'refused' } });
    const result = await attempt(world, ['a@example.net', 'b@example.net']);
    const relayed = 'relayed 250 2.0.0 queued';
    assert.deepEqual(say(result), ['ok', relayed, relayed]);
    assert.match(result.recipients[0]!.facts!.tried![0]!, /BDAT is offered and not known/);
    assert.deepEqual(say(await attempt(world)), ['ok', relayed]);
    const sent = one.heard.filter((line) => /^(?:BDAT|DATA)/.test(line));
    assert.deepEqual(sent, [sent[0], 'DATA', 'DATA'], 'it is remembered');
    assert.deepEqual(world.called, ['192.0.2.1', '192.0.2.1']);
  });

  it('when all hosts say no for now, what they said is kept', async () => {
    await using one = await scriptedServer({ script: only('RCPT', '451 4.7.1 greylisted') });
    await using world = make({ hosts: { '192.0.2.1': one, '192.0.2.2': 'refused' } });
    const result = await attempt(world);
    assert.deepEqual(say(result), ['ok', 'deferred 451 4.7.1 greylisted']);
  });

  it('health: nobody can be reached is down, somebody who refuses is busy', async () => {
    await using busy = await scriptedServer({ script: only('', '421 4.3.2 too many') });
    const cases: [Hosts, string][] = [
      [{ '192.0.2.1': busy, '192.0.2.2': 'refused' }, 'busy'],
      [{ '192.0.2.1': 'refused', '192.0.2.2': 'refused' }, 'down'],
    ];
    for (const [hosts, expected] of cases) {
      await using world = make({ hosts });
      const [health, result] = say(await attempt(world));
      assert.equal(health, expected);
      assert.match(result!, /^deferred 4/);
    }
    await using hangsUp = await scriptedServer({ script: only('', { hangUp: 'close' }) });
    await using world = make({ hosts: { '192.0.2.1': hangsUp, '192.0.2.2': hangsUp } });
    assert.equal(say(await attempt(world))[0], 'down');
  });

  it('RFC 8689 §4.2.1: what REQUIRETLS asks for and hosts have not is no fault of theirs', async () => {
    const params = ['REQUIRETLS'];
    await using plain = await scriptedServer();
    await using encrypted = await scriptedServer({ keywords: ['STARTTLS'], tls: issued });
    const signed = (address: string): FakeZone => ({
      'example.net': { MX: ['10 mx.example.net'], authenticated: true },
      'mx.example.net': { A: [address], authenticated: true },
    });
    const none: readonly [string, FakeZone, Hosts, string, RegExp][] = [
      ['nobody vouches', zone, {}, 'ok', /^failed 550 5\.7\.10 .*neither DNSSEC nor/],
      ['no TLS', signed('192.0.2.1'), { '192.0.2.1': plain }, 'ok', /^failed 550 5\.7\.10 /],
      [
        'no promise',
        signed('192.0.2.1'),
        { '192.0.2.1': encrypted },
        'ok',
        /^failed 550 5\.7\.30 /,
      ],
      ['nobody', signed('192.0.2.1'), { '192.0.2.1': 'refused' }, 'down', /^deferred 451 4\.4\.1 /],
    ];
    for (const [what, records, hosts, expected, words] of none) {
      await using world = make({ hosts, zone: records });
      const [health, said] = say(await attempt(world, undefined, { params }));
      assert.equal(health, expected, what);
      assert.match(said!, words, what);
    }
  });

  it('RFC 7504 §3: when every host says 521, the mail fails', async () => {
    await using one = await scriptedServer({ script: only('', '521 no mail here') });
    await using world = make({ hosts: { '192.0.2.1': one, '192.0.2.2': one } });
    assert.deepEqual(say(await attempt(world)), ['busy', 'failed 521 no mail here']);
    await one.quiet();
    assert.deepEqual(one.heard, ['QUIT', 'QUIT'], 'RFC 5321 §3.1: and is told goodbye');
  });

  it('RFC 8305 §5: a silent address is given a moment before the next is called beside it', async () => {
    const records: FakeZone = {
      'example.net': { MX: ['10 mx1.example.net'] },
      'mx1.example.net': { A: ['192.0.2.1', '192.0.2.2'] },
    };
    await using server = await scriptedServer();
    await using world = make({
      zone: records,
      hosts: { '192.0.2.1': 'silent', '192.0.2.2': server },
    });
    const delivering = attempt(world);
    await world.clock.advance(0); // the DNS has answered
    await world.clock.advance(250);
    assert.deepEqual(say(await delivering), ['ok', 'relayed 250 2.0.0 queued']);
    assert.deepEqual(world.called, ['192.0.2.1', '192.0.2.2']);
  });

  it('RFC 8305 §5: a broken family costs a moment, and is tried last from then on', async () => {
    const records: FakeZone = {
      'example.net': { MX: ['10 mx1.example.net'] },
      'mx1.example.net': { A: ['192.0.2.1'], AAAA: ['2001:db8::1'] },
    };
    await using server = await scriptedServer({ script: only('.', '421 4.3.2 one is enough') });
    await using world = make({
      zone: records,
      hosts: { '2001:db8::1': 'refused', '192.0.2.1': server },
    });
    await attempt(world);
    const before = world.called.length;
    await attempt(world);
    assert.equal(world.called[before], '192.0.2.1');
    // An operator knows better.
    const again = world.called.length;
    world.deliver.forget();
    await attempt(world);
    assert.equal(world.called[again], '2001:db8::1');
  });
});

describe('TLS by the setting of the route', () => {
  const keywords = ['PIPELINING', 'STARTTLS'];
  const relay = (
    server: ScriptedServer,
    tls: 'none' | 'opportunistic' | 'require' | 'verify',
    host = '127.0.0.1',
  ) => ({ kind: 'host', host, port: server.port, tls }) as const;

  it('RFC 3207: is taken where it is offered', async () => {
    await using server = await scriptedServer({ keywords, tls: issued });
    await using world = make({ route: relay(server, 'opportunistic') });
    const result = await attempt(world);
    assert.deepEqual(say(result), ['ok', 'relayed 250 2.0.0 queued']);
    assert.match(result.recipients[0]!.facts?.tls ?? '', /^TLSv1\.3 \S+$/);
    assert.deepEqual(server.heard.slice(0, 3), [
      'EHLO relay.example.org',
      'STARTTLS',
      'EHLO relay.example.org',
    ]);
  });

  it('RFC 7817 §3: verified means verified', async () => {
    await using server = await scriptedServer({ keywords, tls: issued });
    const records = {
      'mx.example.net': { A: ['192.0.2.1'] },
      'mx.example.org': { A: ['192.0.2.1'] },
    };
    const hosts = { '192.0.2.1': server };
    await using good = make({
      zone: records,
      hosts,
      route: relay(server, 'verify', 'mx.example.net'),
    });
    const result = await attempt(good);
    assert.match(result.recipients[0]!.facts?.tls ?? '', / verified$/);
    await using bad = make({
      zone: records,
      hosts,
      route: relay(server, 'verify', 'mx.example.org'),
    });
    assert.match(
      say(await attempt(bad))[1]!,
      /^deferred 454 4\.7\.5 The certificate for mx\.example\.org/,
    );
  });

  /** A server whose TLS fails, by the way it fails. */
  const failures: [what: string, options: Parameters<typeof scriptedServer>[0], reason: RegExp][] =
    [
      ['is not offered', { keywords: ['PIPELINING'] }, /^deferred 454 4\.7\.4/],
      [
        'is refused',
        { keywords, script: only('STARTTLS', '454 4.7.0 not now') },
        /^deferred 454 4\.7\.0/,
      ],
      [
        'fails in the handshake',
        { keywords, script: only('STARTTLS', { hangUp: 'close', after: '220 go' }) },
        /^deferred 454 4\.7\.5/,
      ],
    ];
  for (const [what, options, reason] of failures) {
    it(`where it ${what}, opportunistic goes on in the clear`, async () => {
      await using server = await scriptedServer(options);
      await using world = make({ route: relay(server, 'opportunistic') });
      const result = await attempt(world);
      assert.deepEqual(say(result), ['ok', 'relayed 250 2.0.0 queued']);
      assert.equal(result.recipients[0]!.facts?.tls, undefined);
    });
    for (const tls of ['require', 'verify'] as const)
      it(`where it ${what}, '${tls}' never falls back`, async () => {
        await using server = await scriptedServer(options);
        await using world = make({ route: relay(server, tls) });
        assert.match(say(await attempt(world))[1]!, reason);
        assert.ok(!server.heard.some((line) => line.startsWith('MAIL')));
      });
  }

  it('a host whose TLS failed is spoken to in the clear for a while', async () => {
    const script: Script = (verb) =>
      verb === 'STARTTLS'
        ? { hangUp: 'close', after: '220 go' }
        : verb === '.'
          ? '421 x'
          : undefined;
    await using server = await scriptedServer({ keywords, script });
    await using world = make({ route: relay(server, 'opportunistic') });
    const first = await attempt(world);
    assert.match(first.recipients[0]!.facts!.tried![0]!, /TLS handshake failed/);
    await attempt(world);
    assert.equal(server.heard.filter((line) => line === 'STARTTLS').length, 1);
    await world.clock.advance(60 * 60_000);
    await attempt(world);
    assert.equal(server.heard.filter((line) => line === 'STARTTLS').length, 2);
  });

  it("'none' never asks", async () => {
    await using server = await scriptedServer({ keywords, tls: issued });
    await using world = make({ route: relay(server, 'none') });
    assert.deepEqual(say(await attempt(world)), ['ok', 'relayed 250 2.0.0 queued']);
    assert.ok(!server.heard.includes('STARTTLS'));
  });
});

describe('a smarthost with a login', () => {
  const keywords = ['PIPELINING', 'STARTTLS', 'AUTH PLAIN'];
  const route = (server: ScriptedServer, tls: 'opportunistic' | 'require') =>
    ({
      kind: 'host',
      host: '127.0.0.1',
      port: server.port,
      tls,
      login: { user: 'u', password: 'p' },
    }) as const;

  it('RFC 4954 §4: logs in under TLS', async () => {
    await using server = await scriptedServer({
      keywords,
      tls: issued,
      script: only('AUTH', '235 2.7.0 OK'),
    });
    await using world = make({ route: route(server, 'require') });
    assert.deepEqual(say(await attempt(world)), ['ok', 'relayed 250 2.0.0 queued']);
    assert.equal(server.heard[3], `AUTH PLAIN ${Buffer.from('\0u\0p').toString('base64')}`);
  });

  it('RFC 4954 §4: never shows the password in the clear', async () => {
    await using server = await scriptedServer({ keywords: ['AUTH PLAIN LOGIN'] });
    await using world = make({ route: route(server, 'opportunistic') });
    assert.match(say(await attempt(world))[1]!, /^deferred 454 4\.7\.4/);
    assert.ok(!server.heard.some((line) => line.startsWith('AUTH')));
  });

  const problems: [
    what: string,
    keywords: string[],
    tls: 'none' | 'require' | 'opportunistic',
    RegExp,
  ][] = [
    [
      'no AUTH',
      ['STARTTLS'],
      'require',
      /The smarthost 127\.0\.0\.1 does not offer AUTH, and a login is set for it: use its port for submission \(587 or 465\), or leave the login out$/,
    ],
    [
      'no AUTH in the clear, and no TLS',
      ['PIPELINING'],
      'opportunistic',
      /does not offer AUTH without TLS, .*: use its port for submission/,
    ],
    [
      'no AUTH in the clear, where its TLS is not wanted',
      ['STARTTLS'],
      'none',
      /does not offer AUTH without TLS, .*: see why its TLS is not used, or leave the login out$/,
    ],
    [
      'nothing that we know',
      ['STARTTLS', 'AUTH CRAM-MD5 NTLM'],
      'require',
      /offers no way to log in that we know: CRAM-MD5, NTLM$/,
    ],
    [
      'only what shows the password',
      ['AUTH PLAIN LOGIN'],
      'opportunistic',
      /offers no way to log in that would keep the password safe without TLS \(PLAIN, LOGIN\): use its port/,
    ],
  ];
  for (const [what, offered, tls, expected] of problems)
    it(`RFC 4954 §4: a smarthost that offers ${what} is called that`, async () => {
      await using server = await scriptedServer({ keywords: offered, tls: issued });
      const warned: unknown[] = [];
      const log = {
        ...silentLog,
        warn: (event: string, fields: unknown) => void warned.push([event, fields]),
      };
      await using world = make({ route: { ...route(server, 'require'), tls }, log });
      const result = await attempt(world);
      const [health, said] = say(result);
      assert.equal(health, 'down');
      assert.match(said!, /^deferred 454 4\.7\.4 /);
      assert.match(said!, expected);
      const [[event, fields]] = warned as [[string, { error: string }]];
      assert.equal(event, 'login at the next host failed');
      assert.match(fields.error, expected);
      assert.doesNotMatch(JSON.stringify([result, warned]), /"p"|AHUAcA/, 'and shows no password');
    });

  it('RFC 5321 §3.2: … also one that knows HELO only', async () => {
    await using server = await scriptedServer({ script: only('EHLO', '502 5.5.1 what?') });
    await using world = make({ route: route(server, 'opportunistic') });
    assert.match(say(await attempt(world))[1]!, /127\.0\.0\.1 does not offer AUTH without TLS/);
  });

  it('a login that is refused keeps the mail, and says why', async () => {
    await using server = await scriptedServer({
      keywords,
      tls: issued,
      script: only('AUTH', '535 5.7.8 wrong'),
    });
    await using world = make({ route: route(server, 'require') });
    assert.deepEqual(say(await attempt(world)), [
      'down',
      'deferred 451 4.7.8 The login failed: 535 5.7.8 wrong',
    ]);
  });
});

describe('open connections', () => {
  it('are used again, without RSET', async () => {
    await using server = await scriptedServer();
    await using world = make({ hosts: { '192.0.2.1': server } });
    for (let i = 0; i < 3; i += 1) await attempt(world);
    assert.equal(server.connections.total, 1);
    assert.ok(!server.heard.includes('RSET'));
  });

  it('carry a limited number of messages', async () => {
    await using server = await scriptedServer();
    await using world = make({
      hosts: { '192.0.2.1': server },
      limits: { messagesPerConnection: 2 },
    });
    for (let i = 0; i < 4; i += 1) await attempt(world);
    assert.equal(server.connections.total, 2);
  });

  it('RFC 5321 §4.1.1.10: say QUIT when they have been idle for long enough', async () => {
    await using server = await scriptedServer();
    await using world = make({ hosts: { '192.0.2.1': server } });
    await attempt(world);
    await world.clock.advance(60_000);
    await server.quiet();
    assert.equal(server.heard.at(-1), 'QUIT');
  });

  it('idle in too great a number, the oldest goes', async () => {
    await using server = await scriptedServer();
    const route = (destination: string) =>
      ({ kind: 'host', host: destination, port: 25, tls: 'none' }) as const;
    const called: string[] = [];
    const dialer = dialerTo({ one: server, two: server }, called);
    await using world = make({ dialer, routeOf: route, limits: { idleMax: 1 } });
    const to = (destination: string) =>
      world.deliver({ ...lease(['a@example.net']), destination }, new AbortController().signal);
    for (const destination of ['one', 'two', 'two', 'one']) await to(destination);
    assert.deepEqual(called, ['one', 'two', 'one']);
  });

  for (const how of ['reset', 'close'] as const)
    it(`a dead one is replaced, invisibly (${how})`, async () => {
      let messages = 0;
      // Hangs up when the second MAIL comes: the client cannot know before.
      const script: Script = (verb, _, connection) =>
        verb === 'MAIL' && ++messages === 2 && connection === 1 ? { hangUp: how } : undefined;
      await using server = await scriptedServer({ script });
      await using world = make({ hosts: { '192.0.2.1': server, '192.0.2.2': 'refused' } });
      await attempt(world);
      const result = await attempt(world);
      assert.deepEqual(say(result), ['ok', 'relayed 250 2.0.0 queued']);
      assert.equal(result.recipients[0]!.facts?.tried, undefined);
      assert.equal(server.connections.total, 2);
    });

  it('one that the server closed meanwhile is not used', async () => {
    await using server = await scriptedServer();
    await using world = make({ hosts: { '192.0.2.1': server } });
    await attempt(world);
    server.drop();
    await server.quiet();
    const result = await attempt(world);
    assert.deepEqual(say(result), ['ok', 'relayed 250 2.0.0 queued']);
  });

  it('RFC 5321 §4.5.3.2.6: one that has all of a message is waited for, and not called dead: it might go twice', async () => {
    const peer = new MemoryPeer();
    let calls = 0;
    const dial = async () => {
      calls += 1;
      return peer;
    };
    const startTls = () => Promise.reject(new Error('no TLS'));
    await using world = make({ dialer: { dial, startTls } });
    const first = attempt(world);
    await peer.hear();
    await peer.say('220 mx\r\n');
    await peer.say('250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n');
    await peer.say('250 OK\r\n250 OK\r\n250 OK\r\n');
    await first;
    const second = attempt(world);
    for (let heard = ''; !heard.includes('BDAT'); heard += await peer.hear())
      await new Promise(setImmediate);
    await peer.timeOut();
    assert.equal(
      peer.timeoutMs,
      defaultTimeouts.endOfDataMs,
      'the rest of the idle time is not all',
    );
    const ended = peer.timeOut();
    assert.match(
      say(await second)[1]!,
      /^deferred 451 4\.4\.2 .* nobody knows whether it was taken/,
    );
    assert.equal(calls, 1);
    await ended;
  });

  it('421 in reply to MAIL on an old one is no refusal of the message', async () => {
    let messages = 0;
    const script: Script = (verb) =>
      verb === 'MAIL' && ++messages === 2 ? '421 4.4.2 idle' : undefined;
    await using server = await scriptedServer({ script });
    await using world = make({ hosts: { '192.0.2.1': server } });
    await attempt(world);
    assert.deepEqual(say(await attempt(world)), ['ok', 'relayed 250 2.0.0 queued']);
  });

  it('the server is told to stop at once: everything is dropped, the mail waits', async () => {
    const abort = new AbortController();
    const script: Script = (verb) => {
      if (verb !== 'MAIL') return undefined;
      abort.abort();
      return 'silence';
    };
    await using server = await scriptedServer({ script });
    await using world = make({ hosts: { '192.0.2.1': server } });
    const result = await world.deliver(lease(['a@example.net']), abort.signal);
    assert.equal(result.recipients[0]!.kind, 'deferred');
    await server.quiet();
  });
});

describe('abort signals', () => {
  it('end the wait for a DNS that says nothing', async () => {
    const resolver: Resolver = { resolve: () => new Promise(() => {}) };
    await using world = make({ resolver });
    const stop = new AbortController();
    const attempted = world.deliver(lease(['a@example.net']), stop.signal);
    await new Promise(setImmediate);
    stop.abort();
    assert.deepEqual(say(await attempted), [
      'ok',
      'deferred 451 4.3.2 The server was stopped during the delivery',
    ]);
  });

  it('one that ends long after its attempts leaves the connections of others alone', async () => {
    const early = new AbortController();
    await using server = await scriptedServer();
    await using world = make({ hosts: { '192.0.2.1': server } });
    await world.deliver(lease(['a@example.net']), early.signal);
    early.abort();
    for (let i = 0; i < 2; i += 1) await attempt(world);
    assert.equal(server.connections.total, 1);
  });
});

describe('what the next hop can do', () => {
  const many = Array.from({ length: 5 }, (_, i) => `r${i}@example.net`);
  const transactions = (server: ScriptedServer) => {
    const counts: number[] = [];
    for (const line of server.heard) {
      if (line.startsWith('MAIL')) counts.push(0);
      if (line.startsWith('RCPT')) counts[counts.length - 1]! += 1;
    }
    return counts;
  };

  it('RFC 9422 §4: RCPTMAX splits the recipients, MAILMAX ends the connection', async () => {
    await using server = await scriptedServer({
      keywords: ['PIPELINING', 'LIMITS RCPTMAX=2 MAILMAX=2'],
    });
    await using world = make({ hosts: { '192.0.2.1': server } });
    const result = await attempt(world, many);
    assert.ok(result.recipients.every(({ kind }) => kind === 'relayed'));
    assert.deepEqual(transactions(server), [2, 2, 1]);
    assert.equal(server.connections.total, 2);
  });

  it('RFC 9422 §4.3: RCPTDOMAINMAX is about all that a connection hears', async () => {
    await using server = await scriptedServer({ keywords: ['LIMITS RCPTDOMAINMAX=1'] });
    await using world = make({ hosts: { '192.0.2.1': server } });
    const first = ['a@x.example', 'b@X.example', 'c@y.example', 'd@x.example'];
    const result = await attempt(world, first);
    assert.ok(result.recipients.every(({ kind }) => kind === 'relayed'));
    assert.deepEqual(transactions(server), [3, 1]);
    assert.equal(server.connections.total, 2);
    // A connection that lies idle goes on with the domain it has; for another one it is given up.
    await attempt(world, ['e@y.example']);
    assert.equal(server.connections.total, 2);
    await attempt(world, ['f@z.example']);
    assert.equal(server.connections.total, 3);
    assert.equal(server.heard.filter((line) => line === 'QUIT').length, 2);
  });

  it('RFC 5321 §4.5.3.1.10: those who are too many come in the next transaction', async () => {
    let accepted = 0;
    const script: Script = (verb) => {
      if (verb === 'MAIL') accepted = 0;
      return verb === 'RCPT' && ++accepted > 2 ? '452 4.5.3 too many' : undefined;
    };
    await using server = await scriptedServer({ script });
    await using world = make({ hosts: { '192.0.2.1': server } });
    const result = await attempt(world, many);
    assert.ok(result.recipients.every(({ kind }) => kind === 'relayed'));
    assert.deepEqual(transactions(server), [5, 3, 1]);
  });

  /** Takes two recipients in a transaction. */
  const two = (refusal: string): Script => {
    let accepted = 0;
    return (verb) => {
      if (verb === 'MAIL') accepted = 0;
      return verb === 'RCPT' && ++accepted > 2 ? refusal : undefined;
    };
  };
  for (const keywords of [[], ['PIPELINING'], ['PIPELINING', 'CHUNKING']])
    for (const refusal of [
      '552 too many',
      '552',
      '552 5.5.3 too many',
      '550 5.5.3 too many',
      '452',
    ])
      it(`RFC 5321 §4.5.3.1.10: "${refusal}" after accepted recipients means the next transaction (${keywords})`, async () => {
        await using server = await scriptedServer({ keywords, script: two(refusal) });
        await using world = make({ hosts: { '192.0.2.1': server } });
        const result = await attempt(world, many);
        assert.deepEqual(
          result.recipients.map(({ kind }) => kind),
          many.map(() => 'relayed'),
        );
        assert.deepEqual(transactions(server), [5, 3, 1]);
        assert.equal(server.connections.total, 1);
      });

  it('RFC 5321 §4.5.3.1.10: a bare 552 to the first recipient is final, and one by one so is a full mailbox', async () => {
    const script: Script = (verb, line) =>
      verb === 'RCPT' && /<r[13]@/.test(line) ? '552 storage exceeded' : undefined;
    await using server = await scriptedServer({ script });
    await using world = make({ hosts: { '192.0.2.1': server } });
    const result = await attempt(world, many);
    assert.deepEqual(say(result).slice(1), [
      'relayed 250 2.0.0 queued',
      'failed 552 storage exceeded',
      'relayed 250 2.0.0 queued',
      'failed 552 storage exceeded',
      'relayed 250 2.0.0 queued',
    ]);
    // With nobody accepted before them they are refused for good.
    assert.deepEqual(transactions(server), [5, 2]);
  });

  for (const refusal of ['552 5.2.2 mailbox full', '552 5.3.4 too big', '550 too many'])
    it(`RFC 3463 §3.3: ${refusal} is about the mailbox`, async () => {
      await using server = await scriptedServer({ script: two(refusal) });
      await using world = make({ hosts: { '192.0.2.1': server } });
      const result = await attempt(world, many);
      assert.equal(say(result).filter((line) => line === `failed ${refusal}`).length, 3);
      assert.deepEqual(transactions(server), [5]);
    });

  it('RFC 5321 §4.5.3.1.10: what was too many is deferred when the message is, in the server’s words', async () => {
    const script = two('552 too many');
    await using server = await scriptedServer({
      script: (verb, line, n) => (verb === '.' ? '451 4.3.0 later' : script(verb, line, n)),
    });
    await using world = make({ hosts: { '192.0.2.1': server } });
    const result = await attempt(world, ['a@example.net', 'b@example.net', 'c@example.net']);
    assert.deepEqual(say(result).slice(1), [
      'deferred 451 4.3.0 later',
      'deferred 451 4.3.0 later',
      'deferred 451 4.5.0 Too many recipients in one transaction: 552 too many',
    ]);
  });

  it('RFC 5321 §4.5.3.1.10: … and nobody fails by it when the connection breaks behind it', async () => {
    const script = two('552 too many');
    await using server = await scriptedServer({
      script: (verb, line, n) => (verb === 'DATA' ? { hangUp: 'reset' } : script(verb, line, n)),
    });
    await using world = make({ hosts: { '192.0.2.1': server } });
    const result = await attempt(world, ['a@example.net', 'b@example.net', 'c@example.net']);
    assert.ok(result.recipients.every(({ kind }) => kind === 'deferred'));
  });

  it('RFC 2033 §4.2: over LMTP too, and a 552 at the end of data is that mailbox’s own', async () => {
    const script = two('552 too many');
    let ends = 0;
    await using server = await scriptedServer({
      lmtp: true,
      script: (verb, line, n) =>
        verb === '.' ? (++ends === 2 ? '552 full' : undefined) : script(verb, line, n),
    });
    const route = { kind: 'lmtp', host: '192.0.2.1', port: server.port, tls: 'none' } as const;
    await using world = make({ hosts: { '192.0.2.1': server }, route });
    const result = await attempt(world, many);
    assert.deepEqual(
      result.recipients.map(({ kind }) => kind),
      ['delivered', 'failed', 'delivered', 'delivered', 'delivered'],
    );
    assert.deepEqual(transactions(server), [5, 3, 1]);
  });

  it('RFC 9422 §4.3: recipients are taken together by domain, wherever they stand', async () => {
    await using server = await scriptedServer({ keywords: ['LIMITS RCPTDOMAINMAX=1'] });
    await using world = make({ hosts: { '192.0.2.1': server } });
    const alternating = ['a@x.test', 'a@y.test', 'b@x.test', 'b@y.test', 'c@x.test', 'c@Y.test'];
    const result = await attempt(world, alternating);
    assert.ok(result.recipients.every(({ kind }) => kind === 'relayed'));
    assert.deepEqual(transactions(server), [3, 3]);
    assert.equal(server.connections.total, 2);
  });

  it('RFC 1870 §6.1: a message over its limit fails here', async () => {
    await using server = await scriptedServer({ keywords: ['SIZE 10'] });
    await using world = make({ hosts: { '192.0.2.1': server } });
    const result = await attempt(world);
    assert.match(say(result)[1]!, /^failed 552 5\.3\.4/);
    assert.ok(!server.heard.some((line) => line.startsWith('MAIL')));
  });

  it('RFC 3461 §5.2: DSN parameters travel where they are understood', async () => {
    const mail = {
      params: ['RET=HDRS', 'ENVID=QQ314159'],
      rcptParams: ['NOTIFY=SUCCESS', 'ORCPT=rfc822;a@example.net'],
    };
    for (const dsn of [true, false]) {
      await using server = await scriptedServer({ keywords: dsn ? ['DSN'] : [] });
      await using world = make({ hosts: { '192.0.2.1': server } });
      const result = await attempt(world, undefined, mail);
      assert.ok(result.recipients[0]?.kind === 'relayed' && result.recipients[0].dsn === dsn);
      assert.deepEqual(
        server.heard.slice(1, 3),
        dsn
          ? [
              'MAIL FROM:<s@example.org> RET=HDRS ENVID=QQ314159',
              'RCPT TO:<a@example.net> NOTIFY=SUCCESS ORCPT=rfc822;a@example.net',
            ]
          : ['MAIL FROM:<s@example.org>', 'RCPT TO:<a@example.net>'],
      );
    }
  });

  const eightBit = {
    params: ['BODY=8BITMIME'],
    content: inMemory(
      'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\ngrüß\r\n',
    ),
  };

  it('RFC 6152 §3: 8-bit content is announced where it is taken', async () => {
    await using server = await scriptedServer({ keywords: ['8BITMIME'] });
    await using world = make({ hosts: { '192.0.2.1': server } });
    await attempt(world, undefined, eightBit);
    assert.equal(server.heard[1], 'MAIL FROM:<s@example.org> BODY=8BITMIME');
    assert.match(Buffer.from(server.heard.at(-1)!, 'latin1').toString(), /grüß/);
  });

  it('RFC 6152 §3: … and converted where it is not', async () => {
    await using server = await scriptedServer({ keywords: [] });
    await using world = make({ hosts: { '192.0.2.1': server } });
    const result = await attempt(world, undefined, eightBit);
    assert.equal(result.recipients[0]!.kind, 'relayed');
    assert.equal(server.heard[1], 'MAIL FROM:<s@example.org>');
    assert.match(server.heard.at(-1)!, /: base64/);
    assert.match(server.heard.at(-1)!, /Z3LDvMOfDQo=/);
  });

  it('RFC 6152 §3: … or bounced, when that is the setting', async () => {
    await using server = await scriptedServer({ keywords: [] });
    await using world = make({ hosts: { '192.0.2.1': server }, outbound: { convert: 'bounce' } });
    const result = await attempt(world, undefined, eightBit);
    assert.match(say(result)[1]!, /^failed 554 5\.6\.3/);
    const plain = await attempt(world, undefined, { params: ['BODY=8BITMIME'] });
    assert.equal(plain.recipients[0]!.kind, 'relayed', '7-bit content needs nothing');
  });

  it('RFC 3030 §3: binary content goes by BDAT, octet for octet, or is converted', async () => {
    const content = inMemory(
      'MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\n\r.\r\n',
    );
    const mail = { params: ['BODY=BINARYMIME'], content };
    await using binary = await scriptedServer({
      keywords: ['PIPELINING', '8BITMIME', 'CHUNKING', 'BINARYMIME'],
    });
    await using world = make({ hosts: { '192.0.2.1': binary } });
    await attempt(world, undefined, mail);
    assert.equal(binary.heard[1], 'MAIL FROM:<s@example.org> BODY=BINARYMIME');
    assert.ok(binary.heard.at(-1)!.endsWith('\r\n\r\n\0\n\r.\r\n'));
    await using lines = await scriptedServer({ keywords: ['8BITMIME'] });
    await using other = make({ hosts: { '192.0.2.1': lines } });
    await attempt(other, undefined, mail);
    assert.equal(lines.heard[1], 'MAIL FROM:<s@example.org> BODY=8BITMIME');
    assert.match(lines.heard.at(-1)!, /Content-Transfer-Encoding: base64/i);
  });

  const nul = 'Subject: x\r\n\r\nfirst\r\n\0.\r\nMAIL FROM:<evil@example.org>\r\n.\0\r\nlast\r\n';
  for (const keywords of [[], ['8BITMIME'], ['PIPELINING', '8BITMIME', 'CHUNKING']])
    for (const how of ['in memory', 'from a file'] as const)
      it(`RFC 2045 §2.7, §2.8: no NUL leaves us where it is not data: ${how}, to ${keywords}`, async () => {
        await using server = await scriptedServer({ keywords });
        await using world = make({ hosts: { '192.0.2.1': server } });
        const content = how === 'in memory' ? inMemory(nul) : streamed(nul);
        const result = await attempt(world, undefined, { content });
        assert.equal(result.recipients[0]!.kind, 'relayed');
        const sent = server.heard.at(-1)!;
        assert.doesNotMatch(sent, /\0/);
        assert.match(sent, /^Content-Transfer-Encoding: quoted-printable\r\n/m);
        assert.match(sent, /\r\n=00\.\r\n/);
      });

  for (const how of ['in memory', 'from a file'] as const)
    it(`RFC 3030 §3: a NUL goes as it is to a hop that takes binary mail, signed or not: ${how}`, async () => {
      await using server = await scriptedServer({
        keywords: ['PIPELINING', '8BITMIME', 'CHUNKING', 'BINARYMIME'],
      });
      await using world = make({ hosts: { '192.0.2.1': server } });
      const signed = `DKIM-Signature: v=1\r\n${nul}`;
      const content = how === 'in memory' ? inMemory(signed) : streamed(signed);
      const result = await attempt(world, undefined, { content });
      assert.equal(result.recipients[0]!.kind, 'relayed');
      assert.match(server.heard[1]!, / BODY=BINARYMIME$/);
      assert.ok(server.heard.at(-1)!.endsWith(signed));
      assert.ok(!server.heard.includes('DATA'));
    });

  const withNul: [what: string, content: string, expected: RegExp][] = [
    ['a signature', `DKIM-Signature: v=1\r\n${nul}`, /NUL octets .* break its signature/],
    [
      'a signed part (S/MIME, PGP)',
      'MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\na\0b\r\n--b--\r\n',
      /NUL octets .* break its signature/,
    ],
    [
      'no form to give it',
      'MIME-Version: 1.0\r\nContent-Type: message/partial; id=x; number=1\r\n\r\na\0b\r\n',
      /NUL octets .* the message cannot be converted/,
    ],
    ['it in the header', 'Subject: a\0b\r\n\r\nx\r\n', /The header of the message has a NUL/],
    [
      'it in the header and in the body',
      'Subject: a\0b\r\n\r\nx\0\r\n',
      /The header of the message has a NUL/,
    ],
  ];
  for (const [what, text, expected] of withNul)
    for (const how of ['in memory', 'from a file'] as const)
      for (const keywords of [['8BITMIME'], []])
        it(`RFC 2045 §2.7: a NUL and ${what}: the message comes back, ${how}, to ${keywords}`, async () => {
          await using server = await scriptedServer({ keywords });
          await using world = make({ hosts: { '192.0.2.1': server } });
          const content = how === 'in memory' ? inMemory(text) : streamed(text);
          const [said] = say(await attempt(world, undefined, { content })).slice(1);
          assert.match(said!, /^failed 554 5\.6\.3 /);
          assert.match(said!, expected);
          assert.ok(!server.heard.some((line) => line.startsWith('MAIL')));
        });

  it('delivery.eightBitConversion: nothing is converted, not NUL nor binary, where it says so', async () => {
    await using server = await scriptedServer({ keywords: ['8BITMIME'] });
    await using world = make({ hosts: { '192.0.2.1': server }, outbound: { convert: 'bounce' } });
    const [first] = say(await attempt(world, undefined, { content: inMemory(nul) })).slice(1);
    assert.match(first!, /^failed 554 5\.6\.3 The message has NUL octets in it/);
    const binary = { params: ['BODY=BINARYMIME'], content: inMemory(nul) };
    const [second] = say(await attempt(world, undefined, binary)).slice(1);
    assert.match(second!, /^failed 554 5\.6\.3 The next host does not take binary mail/);
  });

  const longLine = `${'y'.repeat(1500)}\r\n`;
  const long = {
    small: longLine,
    large: `${'z'.repeat(70)}\r\n`.repeat(2_000) + longLine,
  };
  for (const [name, text] of Object.entries(long))
    for (const keywords of [['8BITMIME'], [], ['PIPELINING', '8BITMIME', 'CHUNKING']])
      it(`RFC 5321 §4.5.3.1.6: no line over 998 octets leaves us: ${name}, to ${keywords}`, async () => {
        await using server = await scriptedServer({ keywords });
        await using world = make({ hosts: { '192.0.2.1': server } });
        const body = `Subject: x\r\n\r\n${text}`;
        const content = name === 'small' ? inMemory(body) : streamed(body, 65_536);
        const result = await attempt(world, undefined, { content });
        assert.equal(result.recipients[0]!.kind, 'relayed');
        const sent = server.heard.at(-1)!;
        assert.match(sent, /^Content-Transfer-Encoding: quoted-printable\r\n/m);
        assert.ok(sent.split('\r\n').every((line) => line.length <= 998));
        assert.ok(sent.replaceAll('=\r\n', '').includes('y'.repeat(1500)));
      });

  it('RFC 5321 §4.5.3.1.6: … nor is a signature broken, nor converted what must not be', async () => {
    await using server = await scriptedServer({ keywords: ['8BITMIME'] });
    const content = inMemory(`DKIM-Signature: v=1\r\n\r\n${longLine}`);
    await using world = make({ hosts: { '192.0.2.1': server } });
    assert.match(
      say(await attempt(world, undefined, { content }))[1]!,
      /^failed 554 5\.6\.3 A line/,
    );
    await using strict = make({ hosts: { '192.0.2.1': server }, outbound: { convert: 'bounce' } });
    const plain = { content: inMemory(`Subject: x\r\n\r\n${longLine}`) };
    assert.match(say(await attempt(strict, undefined, plain))[1]!, /^failed 554 5\.6\.3 A line/);
  });

  const utf8 = 'Subject: grüß\r\n\r\nx\r\n';
  const internationalised: [
    what: string,
    mail: Mail,
    to: string,
    expected: RegExp,
    rcpt?: string,
  ][] = [
    [
      'a header field',
      { params: ['SMTPUTF8'], content: inMemory(utf8) },
      'a@example.net',
      /^failed 553 5\.6\.7/,
    ],
    ['a local part', { params: ['SMTPUTF8'] }, 'jürgen@example.net', /^failed 553 5\.6\.7/],
    [
      'nothing but the parameter',
      { params: ['SMTPUTF8'] },
      'a@example.net',
      /^relayed/,
      'a@example.net',
    ],
    [
      'a domain that has an A-label',
      { params: ['SMTPUTF8'] },
      'a@bücher.example',
      /^relayed/,
      'a@xn--bcher-kva.example',
    ],
  ];
  for (const [what, mail, to, expected, rcpt] of internationalised)
    it(`RFC 6531 §3.2: without SMTPUTF8 and with ${what}`, async () => {
      await using server = await scriptedServer({ keywords: ['8BITMIME'] });
      await using world = make({ hosts: { '192.0.2.1': server } });
      assert.match(say(await attempt(world, [to], mail))[1]!, expected);
      if (rcpt !== undefined) assert.equal(server.heard[2], `RCPT TO:<${rcpt}>`);
    });

  it('RFC 6531 §3.2: with SMTPUTF8 it goes as it is', async () => {
    await using server = await scriptedServer({ keywords: ['8BITMIME', 'SMTPUTF8'] });
    await using world = make({ hosts: { '192.0.2.1': server } });
    await attempt(world, ['jürgen@bücher.example'], {
      params: ['SMTPUTF8', 'BODY=8BITMIME'],
      content: inMemory(utf8),
    });
    assert.equal(server.heard[1], 'MAIL FROM:<s@example.org> BODY=8BITMIME SMTPUTF8');
    assert.equal(
      Buffer.from(server.heard[2]!, 'latin1').toString(),
      'RCPT TO:<jürgen@bücher.example>',
    );
  });

  for (const keywords of [['PIPELINING'], ['PIPELINING', 'CHUNKING'], []])
    it(`CVE-2023-51764: no bare newline leaves us (${keywords.join(' ') || 'no extensions'})`, async () => {
      await using server = await scriptedServer({ keywords: [...keywords, '8BITMIME'] });
      await using world = make({ hosts: { '192.0.2.1': server } });
      const content = inMemory('Subject: x\r\n\r\na\n.\r\nMAIL FROM:<evil@example.org>\r\n');
      await attempt(world, undefined, { content });
      assert.doesNotMatch(server.heard.at(-1)!, /[^\r]\n/);
      assert.equal(server.heard.filter((line) => line.startsWith('MAIL')).length, 1);
    });
});

describe('what is said of a host that misbehaves', () => {
  const to = (port: number, tls: 'none' | 'opportunistic' = 'none') =>
    ({ kind: 'host', host: '127.0.0.1', port, tls }) as const;
  const told: [what: string, script: Script, expected: RegExp][] = [
    [
      'refuses in its greeting',
      only('', '554 5.7.1 listed'),
      /^deferred 451 4\.7\.1 Refused at greeting: 554 5\.7\.1 listed$/,
    ],
    [
      'glues code and text',
      only('', '220mx.test'),
      /No SMTP reply, but "220mx\.test" came in place of the greeting$/,
    ],
    [
      'hangs up after MAIL',
      only('MAIL', { hangUp: 'close' }),
      /^deferred 451 4\.4\.2 The connection was closed after MAIL$/,
    ],
    [
      'resets after MAIL',
      only('MAIL', { hangUp: 'reset' }),
      /The connection broke \(connection reset\) after MAIL$/,
    ],
    [
      'closes at the end of data',
      only('.', { hangUp: 'close' }),
      /closed after the end of the message, so that nobody knows whether it was taken$/,
    ],
    [
      'says 354 to RCPT',
      only('RCPT', '354 go'),
      /^deferred 451 4\.5\.0 Unexpected reply 354 in answer to RCPT$/,
    ],
    [
      'says 250 to DATA',
      only('DATA', '250 go'),
      /^deferred 451 4\.5\.0 Unexpected reply 250 in answer to DATA$/,
    ],
    [
      'says 354 to the end of data',
      only('.', '354 go'),
      /Unexpected reply 354 in answer to the message$/,
    ],
    [
      'sends a line of 17,000 octets',
      only('RCPT', `550 ${'y'.repeat(17_000)}`),
      /^deferred 451 4\.5\.0 A line of more than 16384 octets came in answer to RCPT$/,
    ],
    [
      'answers EHLO twice',
      only('EHLO', '250 mx.test\n250 mx.test'),
      /The server spoke while nothing was asked$/,
    ],
    ['refuses without a word', only('MAIL', '550'), /^failed 550 *$/],
    ['says 251 to RCPT', only('RCPT', '251 will forward'), /^relayed 250/],
    ['says 252 to RCPT', only('RCPT', '252 cannot verify'), /^relayed 250/],
    ['greets with several lines', only('', '220-a\n220-b\n220 c'), /^relayed 250/],
    ['has no word for the greeting', only('', '220'), /^relayed 250/],
  ];
  for (const [what, script, expected] of told)
    it(`RFC 5321 §4.2: one that ${what}`, async () => {
      await using server = await scriptedServer({ script });
      await using world = make({ route: to(server.port) });
      const result = await attempt(world);
      assert.match(say(result)[1]!, expected);
      const { facts } = result.recipients[0]!;
      assert.deepEqual(
        [facts?.host, facts?.address, facts?.port, facts?.tried],
        ['127.0.0.1', '127.0.0.1', server.port, undefined],
        'where it was, and nothing twice',
      );
    });

  it('whose words are whose: what we say about a reply is ours', async () => {
    await using server = await scriptedServer({ script: only('', '554 5.7.1 listed') });
    await using busy = await scriptedServer({ script: only('', '450 4.3.2 busy') });
    for (const [port, remote] of [
      [server.port, false],
      [busy.port, true],
    ] as const) {
      await using world = make({ route: to(port) });
      const [one] = (await attempt(world)).recipients;
      assert.equal(one?.kind === 'deferred' && one.remote, remote);
    }
  });

  it('RFC 5321 §5.1: of several hosts, who spoke to us, and what came of the others', async () => {
    await using first = await scriptedServer({ script: only('', '554 5.7.1 listed') });
    await using world = make({ hosts: { '192.0.2.1': first, '192.0.2.2': 'refused' } });
    const [one] = (await attempt(world)).recipients;
    assert.match(one!.reply.lines[0], /^Refused at greeting/);
    assert.deepEqual(one!.facts, {
      host: 'mx1.example.net',
      address: '192.0.2.1',
      port: 25,
      tried: ['mx2.example.net [192.0.2.2]: connection refused'],
    });
  });

  for (const [what, answer] of [
    ['hangs up', { hangUp: 'close' }],
    ['answers twice', '220 go\n250 noise'],
  ] as const)
    it(`RFC 7435 §3: where STARTTLS ${what}, the mail goes in the clear`, async () => {
      await using server = await scriptedServer({
        keywords: ['STARTTLS'],
        script: only('STARTTLS', answer),
      });
      await using world = make({ route: to(server.port, 'opportunistic') });
      assert.deepEqual(say(await attempt(world)), ['ok', 'relayed 250 2.0.0 queued']);
    });

  it('a socket of ours is named to the operator, not in the reply', async () => {
    await using world = make({ route: { kind: 'lmtp', path: '/nonexistent/lmtp' } });
    const [one] = (await attempt(world)).recipients;
    assert.match(
      one!.reply.lines[0],
      /^No connection to the socket of the next host: there is no such socket$/,
    );
    assert.equal(one!.facts?.host, '/nonexistent/lmtp');
  });

  it('a port that nobody listens at is named, and the address once', async () => {
    const [port = 0] = await freePorts(1);
    await using world = make({ route: to(port) });
    const [one] = (await attempt(world)).recipients;
    assert.equal(
      one!.reply.lines[0],
      `No connection to 127.0.0.1 port ${port}: connection refused`,
    );
  });
});
