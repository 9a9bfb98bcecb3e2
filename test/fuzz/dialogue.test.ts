// Hostile dialogues through the whole in-memory path: session, conversation and reception as the
// server puts them together, over a connection without a network. The client knows the grammar and
// breaks it on purpose; the owner's parts fail on purpose. Whatever happens: one reply to each
// command, or the end; not a word about ourselves; nothing half-received is left.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { FakeClock } from '../../src/base/fake-clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { seededRandom } from '../../src/base/random.ts';
import { fc } from '../../src/base/test-properties.ts';
import { MemoryPeer } from '../../src/net/memory-peer.ts';
import { addAccount } from '../../src/policy/accounts/account-changes.ts';
import { Login } from '../../src/policy/accounts/login.ts';
import { createLoginThrottle } from '../../src/policy/accounts/login-throttle.ts';
import { createAddressMap } from '../../src/policy/addresses/address-map.ts';
import { createConnectionLimits } from '../../src/policy/connection-limits.ts';
import { byStage } from '../../src/policy/policy.ts';
import { createSmtpService } from '../../src/receive/smtp-service.ts';
import { defaultLimits } from '../../src/smtp/limits.ts';
import { reply } from '../../src/smtp/reply.ts';
import { StorageError } from '../../src/smtp/smtp-error.ts';
import { MemorySpool } from '../../src/store/files/memory-spool.ts';
import type { NewMessage } from '../../src/store/queue-store.ts';
import type { ContentWriter } from '../../src/store/spool.ts';
import { openSqliteStores } from '../../src/store/sqlite/stores.ts';

const seed = 51_764;
/** In every error that is thrown on purpose; must be in no reply. */
const secret = 'secret /var/lib/postrider at Object.<anonymous> (src/x.ts:1:2)';

type Protocol = 'smtp' | 'submission' | 'lmtp';

interface World {
  readonly protocol: Protocol;
  readonly bareNewlines: 'refuse' | 'normalise';
  readonly trusted: boolean;
  /** Which calls of our own parts fail: those whose number is in it, counted round. */
  readonly failures: readonly number[];
}

class CountingSpool extends MemorySpool {
  unended = 0;
  fails = () => false;

  override create(): ContentWriter {
    if (this.fails()) throw new StorageError(secret);
    const writer = super.create();
    this.unended += 1;
    return {
      get size() {
        return writer.size;
      },
      release: () => writer.release(),
      write: (bytes) => {
        if (this.fails()) return Promise.reject(new StorageError(secret));
        return writer.write(bytes);
      },
      commit: () => {
        this.unended -= 1;
        return this.fails() ? Promise.reject(new StorageError(secret)) : writer.commit();
      },
      abort: () => {
        this.unended -= 1;
        return writer.abort();
      },
    };
  }
}

const clock = new FakeClock();
const stores = await openSqliteStores({ directory: ':memory:', log: silentLog, clock });
await addAccount(stores.accounts, 'bob@example.net', undefined, clock);

function createServer(world: World) {
  const spool = new CountingSpool();
  const queued: NewMessage[] = [];
  const connections = createConnectionLimits({ connections: 10, connectionsPerClient: 10 });
  let calls = 0;
  const fails = () => {
    calls += 1;
    return world.failures.includes(calls % 23);
  };
  const mayFail = async () => {
    if (fails()) throw new TypeError(secret);
    return undefined;
  };
  const policies = byStage([{ name: 'fails', mail: mayFail, rcpt: mayFail, message: mayFail }]);
  spool.fails = fails;
  const throttle = createLoginThrottle({ clock, delay: 0, failuresPerNetwork: 1e6 });
  const service = createSmtpService({
    settings: () => ({
      hostname: 'mx.example.net',
      service: world.protocol,
      startTls: false,
      bareNewlines: world.bareNewlines,
      authRequired: world.protocol === 'submission',
      limits: { ...defaultLimits, messageSize: 4_000, recipients: 5, headerSize: 2_000 },
      isTrusted: () => world.trusted,
      mechanisms: () => ['PLAIN', 'LOGIN'],
      login: (log) =>
        new Login({
          authenticator: {
            async verifyPassword(user, password) {
              await mayFail();
              return password === 'right' ? user : undefined;
            },
            mayActAs: async () => false,
          },
          ...{ throttle, clock, log },
        }),
      addressMap: createAddressMap({
        accounts: stores.accounts,
        domains: ['example.net'],
        relayDomains: ['relay.test'],
        aliases: new Map([['team@example.net', ['bob@example.net', 'carol@far.test']]]),
        recipientDelimiter: '+',
        log: silentLog,
      }),
      wayOf: () => ({ delivery: 'local', destination: 'local' }),
      policies,
      vrfy: 'yes',
    }),
    connections,
    startTls: () => assert.fail('no TLS'),
    spool,
    async submit(message) {
      await mayFail();
      queued.push(message);
    },
    messageId: () => 'id',
    startQueue: async () => reply(459, '7.1', 'No'),
    clock,
    random: seededRandom(1),
    log: silentLog,
  });
  return {
    spool,
    service,
    connections,
    queued,
    connect(): MemoryPeer {
      const peer = new MemoryPeer();
      service.accept(peer);
      return peer;
    },
  };
}

// What the client says. Text stands for octets, one character each.

const word = fc.constantFrom(
  '__proto__',
  'constructor',
  'toString',
  'x',
  '',
  '=',
  '<>',
  '%s',
  '../..',
);
const local = fc.constantFrom(
  ...[
    'bob',
    'team',
    'bob+x',
    'nobody',
    '"a b"',
    '"a\\"b"',
    '""',
    '__proto__',
    'a..b',
    '"',
    'postmaster',
  ],
  ...['b\xc3\xb6b', '\xc0\xaf', 'a\x00b', '"a\rb"', '"../../etc"', 'x'.repeat(65)],
);
const domain = fc.constantFrom(
  ...[
    'example.net',
    'EXAMPLE.net',
    'relay.test',
    'far.test',
    '[127.0.0.1]',
    '[IPv6:::1]',
    '[',
    '-a',
  ],
  ...['m\xc3\xbcnchen.test', 'constructor', '', 'a'.repeat(256), 'xn--a'],
);
const path = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('<bob@example.net>', '<team@example.net>', '<x@relay.test>'),
  },
  { weight: 3, arbitrary: fc.tuple(local, domain).map(([l, d]) => `<${l}@${d}>`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('<>', '<Postmaster>', '<@a,@b:x@y>', '<', 'x', '<<a@b>>'),
  },
);
const value = fc.oneof(
  word,
  fc.constantFrom(
    '0',
    '4001',
    '-1',
    '99999999999999999999',
    'NEVER',
    'FULL',
    '8BITMIME',
    'BINARYMIME',
  ),
  fc.constantFrom('rfc822;a+0D+0A', 'utf-8;\\x{0A}', '+0D+0AX:+20y', 'a+', '+zz'),
);
const name = fc.oneof(
  word,
  fc.constantFrom('SIZE', 'BODY', 'RET', 'ENVID', 'NOTIFY', 'ORCPT', 'AUTH', 'SMTPUTF8'),
);
const params = fc
  .array(
    fc.oneof(
      fc.tuple(name, value).map(([n, v]) => ` ${n}=${v}`),
      fc.constant(' SMTPUTF8'),
    ),
    {
      maxLength: 2,
    },
  )
  .map((all) => all.join(''));
const octets = fc
  .string({ unit: 'binary-ascii', maxLength: 20 })
  .map((text) => text.replaceAll('\n', ''));
const content = fc
  .array(
    fc.constantFrom(
      ...[
        'Subject: x\r\n',
        '\r\n',
        '.\r\n.',
        '..\r\n',
        'text\r\n',
        '\n.\n',
        '\r.\r',
        '\n.\r\n',
        '\0',
      ],
      ...[
        '\xff\xfe',
        'x'.repeat(990),
        'Received: by mx.example.net\r\n',
        'From x\r\n',
        ' \r\n',
        ':\r\n',
      ],
    ),
    { maxLength: 12 },
  )
  .map((all) => all.join(''));

type Move =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'data'; readonly content: string }
  | { readonly kind: 'chunk'; readonly content: string; readonly last: boolean }
  | { readonly kind: 'login'; readonly lines: readonly string[] }
  | { readonly kind: 'vanish' };

const line = (text: string): Move => ({ kind: 'line', text });
const good = Buffer.from('\0bob@example.net\0right').toString('base64');
const login = fc.constantFrom(good, 'AAAA', '*', '=', '!!', 'AGEAYg==', '', 'x'.repeat(13_000));

const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 6, arbitrary: path.map((to) => line(`RCPT TO:${to}`)) },
  { weight: 2, arbitrary: fc.tuple(path, params).map(([to, p]) => line(`RCPT TO:${to}${p}`)) },
  {
    weight: 5,
    arbitrary: fc.tuple(path, params).map(([from, p]) => line(`mail from:${from}${p}`)),
  },
  { weight: 3, arbitrary: fc.constant(line('MAIL FROM:<bob@example.net>')) },
  { weight: 5, arbitrary: content.map((text): Move => ({ kind: 'data', content: text })) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(content, fc.boolean())
      .map(([text, last]): Move => ({ kind: 'chunk', content: text, last })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('PLAIN', 'LOGIN', '__proto__', 'X'), fc.array(login, { maxLength: 3 }))
      .map(
        ([mechanism, lines]): Move => ({ kind: 'login', lines: [`AUTH ${mechanism}`, ...lines] }),
      ),
  },
  { weight: 1, arbitrary: fc.constant(line(`AUTH PLAIN ${good}`)) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(
        ...[
          'EHLO a',
          'LHLO a',
          'HELO [x',
          'RSET',
          'NOOP',
          'VRFY <bob@example.net>',
          'EXPN x',
          'HELP',
          'ETRN a',
        ],
        ...[
          'STARTTLS',
          'BDAT',
          'BDAT -1',
          'BDAT x LAST',
          'DATA x',
          'GET / HTTP/1.1',
          '',
          ' ',
          'toString',
        ],
        ...[
          `NOOP ${'x'.repeat(70_000)}`,
          'RCPT TO:bob',
          'MAIL',
          'BDAT 9223372036854775808',
          'QUIT',
        ],
      )
      .map(line),
  },
  { weight: 1, arbitrary: fc.tuple(word, octets).map(([w, o]) => line(`${w} ${o}`)) },
  { weight: 1, arbitrary: octets.map(line) },
  { weight: 1, arbitrary: fc.constant<Move>({ kind: 'vanish' }) },
);

const world: fc.Arbitrary<World> = fc.record({
  protocol: fc.constantFrom<Protocol>('smtp', 'submission', 'lmtp'),
  bareNewlines: fc.constantFrom('refuse', 'normalise'),
  trusted: fc.boolean(),
  failures: fc.array(fc.nat(22), { maxLength: 3 }),
});

const replyPattern = /(?:\d{3}-[^\r\n]*\r\n)*\d{3} [^\r\n]*\r\n/y;

/** The replies in it, which is all there may be. */
function repliesIn(said: string): string[] {
  const found: string[] = [];
  for (replyPattern.lastIndex = 0; replyPattern.lastIndex < said.length; ) {
    const match = replyPattern.exec(said);
    assert.ok(match !== null, `no reply: ${JSON.stringify(said)}`);
    found.push(match[0]);
  }
  assert.doesNotMatch(said, /secret|\/var|Error|node:|undefined|\[object|\.ts/);
  return found;
}

async function converse(given: World, moves: readonly Move[], cut: number): Promise<void> {
  const server = createServer(given);
  const peer = server.connect();
  assert.equal(repliesIn(await peer.hear()).length, 1, 'a greeting');
  const lmtp = given.protocol === 'lmtp';
  let accepted = 0;

  /** Says it in two pieces, and gives the replies to it. */
  const say = async (text: string): Promise<string[]> => {
    const bytes = Buffer.from(text, 'latin1');
    const at = cut % (bytes.length + 1);
    const early = at === 0 ? '' : await peer.say(bytes.subarray(0, at));
    const late = peer.destroyed || at === bytes.length ? '' : await peer.say(bytes.subarray(at));
    return repliesIn(early + late);
  };
  /** One reply, or in LMTP perhaps one for each recipient. RFC 2033 §4.2. */
  const expectReplies = (replies: readonly string[], each: boolean) => {
    if (peer.destroyed && replies.at(-1)?.startsWith('421')) return;
    if (lmtp && each) assert.ok([0, 1, accepted].includes(replies.length), replies.join(''));
    else assert.equal(replies.length, 1, replies.join(''));
  };
  const command = async (text: string): Promise<string> => {
    const replies = await say(`${text}\r\n`);
    expectReplies(replies, false);
    if (/^mail/i.test(text) && replies[0]?.startsWith('250')) accepted = 0;
    if (/^RCPT/.test(text) && replies[0]?.startsWith('250')) accepted += 1;
    return replies.at(-1) ?? '';
  };

  await command(lmtp ? 'LHLO a' : 'EHLO a');
  for (const one of moves) {
    if (peer.destroyed) break;
    switch (one.kind) {
      case 'line':
        await command(one.text);
        break;
      case 'data': {
        if (!(await command('DATA')).startsWith('354') || peer.destroyed) break;
        // Only we end it, and only at the end.
        const text = `\r\n${one.content}\r\n`.replaceAll(/\r\n\.(?=\r\n)/g, '\r\n..').slice(2);
        expectReplies(await say(`${text}.\r\n`), true);
        break;
      }
      case 'chunk': {
        const { content, last } = one;
        const text = `BDAT ${content.length}${last ? ' LAST' : ''}\r\n${content}`;
        expectReplies(await say(text), true);
        break;
      }
      case 'login': {
        let heard = '334';
        for (const text of one.lines) if (heard.startsWith('334')) heard = await command(text);
        if (heard.startsWith('334') && !peer.destroyed) await command('*');
        break;
      }
      case 'vanish':
        await peer.fail();
        break;
    }
  }
  if (!peer.destroyed) await peer.endInput();
  // The conversation ends in its own time: a few turns of the event loop.
  for (let turn = 0; turn < 20 && server.service.conversations > 0; turn += 1)
    await new Promise((resolve) => setImmediate(resolve));
  assert.equal(server.service.conversations, 0, 'the conversation is over');
  assert.equal(server.connections.open, 0, 'and its place free');
  assert.equal(server.spool.unended, 0, 'nothing half-received is left');
  for (const { prefix, recipients, content, params: with_ } of server.queued.splice(0)) {
    assert.ok(recipients.length > 0);
    assert.doesNotMatch(prefix, /(?<!\r)\n|\r(?!\n)|\0/);
    assert.ok(content.kind === 'inline');
    if (!with_.includes('BODY=BINARYMIME'))
      assert.doesNotMatch(Buffer.from(content.bytes).toString('latin1'), /(?<!\r)\n|\r(?!\n)/);
  }
}

const dialogue = fc.tuple(world, fc.array(move, { maxLength: 25 }), fc.nat(200));

describe('hostile dialogues', () => {
  it('one reply to each command or the end, nothing told, nothing left', async () => {
    await fc.assert(
      fc.asyncProperty(dialogue, ([given, moves, cut]) => converse(given, moves, cut)),
      { seed, numRuns: 1_500 },
    );
  });

  it('memory is the same after a thousand of them', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const used = async (runs: number, from: number) => {
      for (const [given, moves, cut] of fc.sample(dialogue, { seed: from, numRuns: runs }))
        await converse(given, moves, cut);
      collect();
      return process.memoryUsage().heapUsed / 2 ** 20;
    };
    const before = await used(200, seed);
    const growth = (await used(1_000, seed + 1)) - before;
    assert.ok(growth < 4, `it grew by ${growth.toFixed(1)} MiB`);
  });
});
