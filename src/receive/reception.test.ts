import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import type { Log } from '../base/log.ts';
import { silentLog } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { MemoryPeer } from '../net/memory-peer.ts';
import { addAccount } from '../policy/accounts/account-changes.ts';
import { Login } from '../policy/accounts/login.ts';
import { createLoginThrottle } from '../policy/accounts/login-throttle.ts';
import { createAddressMap } from '../policy/addresses/address-map.ts';
import { createConnectionLimits } from '../policy/connection-limits.ts';
import type { PolicyAnswer } from '../policy/policy.ts';
import { byStage } from '../policy/policy.ts';
import { mailboxRoom } from '../policy/quota.ts';
import { defaultLimits } from '../smtp/limits.ts';
import { reply } from '../smtp/reply.ts';
import { StorageError, StoreGoneError } from '../smtp/smtp-error.ts';
import { MemorySpool } from '../store/files/memory-spool.ts';
import type { NewMessage, RoomAsked } from '../store/queue-store.ts';
import type { ContentWriter } from '../store/spool.ts';
import { openSqliteStores } from '../store/sqlite/stores.ts';
import type { ReceptionParts } from './reception.ts';
import { Reception } from './reception.ts';
import type { SmtpServiceParts, SmtpServiceSettings } from './smtp-service.ts';
import { createSmtpService } from './smtp-service.ts';

/** Counts the writers that are neither committed nor aborted, and fails where it is told to. */
class WatchedSpool extends MemorySpool {
  unended = 0;
  fail: 'create' | 'write' | 'later' | 'commit' | undefined;

  override create(): ContentWriter {
    if (this.fail === 'create') throw new StorageError('disk full');
    const writer = super.create();
    this.unended += 1;
    const ended = () => {
      this.unended -= 1;
    };
    return {
      get size() {
        return writer.size;
      },
      release: () => writer.release(),
      head: () => writer.head?.() ?? new Uint8Array(),
      write: (bytes) => {
        if (this.fail === 'write') throw new StorageError('disk full');
        if (this.fail === 'later') return Promise.reject(new StorageError('disk full'));
        return writer.write(bytes);
      },
      commit: () => {
        ended();
        if (this.fail === 'commit') return Promise.reject(new StorageError('disk full'));
        return writer.commit();
      },
      abort: () => {
        ended();
        return writer.abort();
      },
    };
  }
}

const no = (code: number, text: string): PolicyAnswer => ({ objection: reply(code, '7.1', text) });

interface Setting {
  readonly settings?: Partial<SmtpServiceSettings>;
  readonly submit?: SmtpServiceParts['submit'];
  readonly connections?: number;
  readonly log?: Log;
}

async function start(setting: Setting = {}) {
  const clock = new FakeClock();
  const stores = await openSqliteStores({ directory: ':memory:', log: silentLog, clock });
  await addAccount(stores.accounts, 'bob@example.net', undefined, clock);
  const spool = new WatchedSpool();
  const queued: NewMessage[] = [];
  const addressMap = createAddressMap({
    accounts: stores.accounts,
    domains: ['example.net'],
    relayDomains: [],
    aliases: new Map([
      ['team@example.net', ['bob@example.net', 'carol@far.test']],
      ['bøb@example.net', ['bob@example.net']],
    ]),
    recipientDelimiter: '+',
    log: silentLog,
  });
  let ids = 0;
  const connections = createConnectionLimits({
    connections: setting.connections ?? 10,
    connectionsPerClient: 10,
  });
  const service = createSmtpService({
    settings: () => ({
      hostname: 'mx.example.net',
      service: 'smtp',
      startTls: false,
      bareNewlines: 'refuse',
      authRequired: false,
      limits: defaultLimits,
      isTrusted: () => false,
      mechanisms: () => [],
      login: () => assert.fail('nobody logs in'),
      addressMap,
      wayOf: (address) =>
        address.endsWith('@example.net')
          ? { delivery: 'local', destination: 'local' }
          : { delivery: 'relay', destination: 'mx:far.test' },
      policies: byStage([]),
      vrfy: 'yes',
      ...setting.settings,
    }),
    connections,
    startTls: () => assert.fail('no TLS'),
    spool,
    submit:
      setting.submit ??
      (async (message) => {
        queued.push(message);
      }),
    messageId: () => `id${(ids++).toString()}`,
    startQueue: async () => reply(459, '7.1', 'No'),
    clock,
    random: seededRandom(1),
    log: setting.log ?? silentLog,
  });
  const connect = async (hello = 'EHLO client.test\r\n') => {
    const peer = new MemoryPeer();
    service.accept(peer);
    await peer.hear();
    if (hello !== '') await peer.say(hello);
    return peer;
  };
  return { service, spool, queued, connections, connect, clock };
}

const to = (...recipients: string[]) =>
  `MAIL FROM:<ann@client.test>\r\n${recipients.map((one) => `RCPT TO:<${one}>\r\n`).join('')}`;
const mail = (content = 'Subject: Hello\r\n\r\nHi\r\n', recipient = 'bob@example.net') =>
  `${to(recipient)}DATA\r\n${content}.\r\n`;
const lastLine = (text: string) => text.trimEnd().split('\r\n').at(-1);
const large = `${'x'.repeat(70)}\r\n`.repeat(3_000);

describe('Reception', () => {
  it('RFC 5321 §4.2.5: says 250 when the message is queued, with its id', async () => {
    const { connect, queued, spool } = await start();
    const peer = await connect();
    assert.equal(lastLine(await peer.say(mail())), '250 2.6.0 Queued as id0');
    const [message] = queued;
    assert.equal(message?.sender, 'ann@client.test');
    assert.deepEqual(message?.recipients, [
      { address: 'bob@example.net', params: [], delivery: 'local', destination: 'local' },
    ]);
    assert.match(message?.prefix ?? '', /^Received: from client\.test \(\[198\.51\.100\.7\]\)/);
    assert.match(message?.prefix ?? '', /for <bob@example\.net>;/);
    assert.equal(message?.content.kind, 'inline');
    assert.equal(spool.unended, 0);
  });

  it('new settings are for new connections: what is offered, and what is taken', async () => {
    const setting: { settings: Partial<SmtpServiceSettings> } = { settings: {} };
    const { connect, queued } = await start(setting);
    const before = await connect();
    const wayOf = () => ({ delivery: 'relay', destination: 'mx:new.test' }) as const;
    setting.settings = { hostname: 'new.example.net', noSoliciting: ['org.test:adv'], wayOf };
    const after = await connect();
    for (const peer of [before, after]) await peer.say(mail());
    const ehlo = async (peer: MemoryPeer) => await peer.say('EHLO client.test\r\n');
    assert.match(await ehlo(before), /^250-mx\.example\.net\r/);
    assert.doesNotMatch(await ehlo(before), /org\.test/);
    assert.match(await ehlo(after), /^250-new\.example\.net\r[\s\S]*NO-SOLICITING org\.test:adv\r/);
    assert.deepEqual(
      queued.map(({ recipients }) => recipients[0]?.destination),
      ['local', 'mx:new.test'],
    );
  });

  it('says nothing before it is durable', async () => {
    const durable = Promise.withResolvers<void>();
    const { connect } = await start({ submit: () => durable.promise });
    const peer = await connect();
    await peer.say(`${to('bob@example.net')}DATA\r\n`);
    const answer = peer.say('Hi\r\n.\r\n');
    let said = false;
    void answer.then(() => {
      said = true;
    });
    for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(said, false);
    durable.resolve();
    assert.match(await answer, /^250 2\.6\.0 Queued/);
  });

  it('RFC 2033 §4.2: LMTP answers once for each accepted recipient', async () => {
    const { connect, queued } = await start({ settings: { service: 'lmtp' } });
    const peer = await connect('LHLO client.test\r\n');
    const heard = await peer.say(
      `${to('bob@example.net', 'nobody@example.net', 'bob+x@example.net')}DATA\r\nHi\r\n.\r\nNOOP\r\n`,
    );
    const codes = [...heard.matchAll(/^(\d{3}) (\S+)/gm)].map((match) => match[2]);
    assert.deepEqual(codes, '2.1.0 2.1.5 5.1.1 2.1.5 End 2.6.0 2.6.0 2.0.0'.split(' '));
    assert.equal(queued.length, 1);
    assert.match(queued[0]!.prefix, /with LMTP\b/);
    assert.doesNotMatch(queued[0]!.prefix, /\bfor </);
  });

  it('RFC 2033 §4.2: an LMTP message that cannot be queued fails once for each recipient', async () => {
    const submit = () => Promise.reject(new StorageError('disk full'));
    const { connect } = await start({ settings: { service: 'lmtp' }, submit });
    const peer = await connect('LHLO client.test\r\n');
    await peer.say(`${to('bob@example.net', 'bob+x@example.net')}DATA\r\n`);
    const no = '452 4.3.1 Insufficient system storage, try again later\r\n';
    assert.equal(await peer.say('Hi\r\n.\r\n'), no + no);
  });

  for (const [name, content] of [
    ['small', 'Hi\r\n'],
    ['large', large],
  ] as const)
    it(`RFC 2033 §4.2: LMTP refuses ${name} content for one recipient, queues it for the others`, async () => {
      const full = reply(452, '2.2', 'Mailbox full');
      const setting = (isFull: (local: string) => boolean) => ({
        settings: {
          service: 'lmtp' as const,
          policies: byStage([
            {
              name: 'full',
              messageFor: async (_envelope, _arrival, { named }) =>
                isFull(named.local) ? { objection: full } : undefined,
            },
          ]),
        },
      });
      const deliver = async (isFull: (local: string) => boolean) => {
        const { connect, queued, spool } = await start(setting(isFull));
        const peer = await connect('LHLO client.test\r\n');
        await peer.say(
          `${to('bob+a@example.net', 'bob+full@example.net', 'bob@example.net')}DATA\r\n`,
        );
        const heard = await peer.say(`${content}.\r\n`);
        return { codes: heard.match(/^\d{3}/gm), queued, files: spool.files, open: spool.unended };
      };
      const some = await deliver((local) => local === 'bob+full');
      assert.deepEqual(some.codes, ['250', '452', '250']);
      assert.deepEqual(
        some.queued.flatMap(({ recipients }) => recipients.map(({ address }) => address)),
        ['bob+a@example.net', 'bob@example.net'],
      );
      const nobody = await deliver(() => true);
      assert.deepEqual(nobody.codes, ['452', '452', '452']);
      assert.deepEqual([nobody.queued, nobody.files, nobody.open], [[], 0, 0]);
    });

  it('RFC 5321 §4.1.1.4: SMTP has one answer, and asks nobody for one recipient', async () => {
    const messageFor = () => assert.fail('asked in SMTP');
    const policies = byStage([{ name: 'lmtp', messageFor }]);
    const { connect } = await start({ settings: { policies } });
    const peer = await connect();
    assert.match(await peer.say(mail()), /^250 2\.6\.0 /m);
  });

  it('one mailbox gets one copy, whatever its name is written like; with a detail it is another', async () => {
    const { connect, queued } = await start({ settings: { isTrusted: () => true } });
    const peer = await connect();
    const recipients = [
      ...['bob@example.net', 'BOB@example.NET', 'bob+x@example.net', 'Bob+X@Example.net'],
      ...['carol@far.test', 'carol@FAR.test', 'Carol@far.test', 'team@example.net'],
    ];
    const heard = await peer.say(`${to(...recipients)}DATA\r\nHi\r\n.\r\n`);
    assert.equal(heard.match(/^250 2\.1\.5 /gm)?.length, 8, 'each RCPT is accepted');
    assert.deepEqual(
      queued[0]?.recipients.map(({ address }) => address),
      ['bob@example.net', 'bob+x@example.net', 'carol@far.test', 'Carol@far.test'],
    );
  });

  it('RFC 5321 §4.1.3, §4.5.1: takes mail for postmaster at the address the client reached', async () => {
    const { connect } = await start();
    const peer = await connect();
    const heard = await peer.say(
      to('postmaster@[192.0.2.1]', 'Postmaster', 'postmaster@[192.0.2.2]', 'bob@[192.0.2.1]'),
    );
    assert.deepEqual(heard.match(/^\d{3} \S+/gm)?.slice(1), [
      ...['250 2.1.5', '250 2.1.5', '550 5.7.1', '550 5.1.1'],
    ]);
  });

  it('an alias becomes its targets, each once, and remembers what RCPT named', async () => {
    const { connect, queued } = await start();
    const peer = await connect();
    await peer.say(`${to('team@example.net', 'bob@example.net')}DATA\r\nHi\r\n.\r\n`);
    assert.deepEqual(
      queued[0]?.recipients.map(({ address, original }) => [address, original]),
      [
        ['bob@example.net', 'team@example.net'],
        ['carol@far.test', 'team@example.net'],
      ],
    );
  });

  it('RFC 1870: SIZE is for one hop; other parameters travel', async () => {
    const { connect, queued } = await start();
    const peer = await connect();
    await peer.say(
      'MAIL FROM:<a@b.test> SIZE=10 BODY=8BITMIME RET=HDRS ENVID=x\r\n' +
        'RCPT TO:<bob@example.net> NOTIFY=NEVER\r\nDATA\r\nHi\r\n.\r\n',
    );
    assert.deepEqual(queued[0]?.params, ['BODY=8BITMIME', 'RET=HDRS', 'ENVID=x']);
    assert.deepEqual(queued[0]?.recipients[0]?.params, ['NOTIFY=NEVER']);
  });

  it('RFC 5321 §6.3: a message that goes in circles is refused', async () => {
    const { connect, queued, spool } = await start();
    const peer = await connect();
    const loop = 'Received: from a by b; Fri, 2 Jan 2026 03:04:05 +0000\r\n'.repeat(101);
    assert.match(lastLine(await peer.say(mail(`${loop}\r\n${large}`)))!, /^554 5\.4\.6 /);
    assert.deepEqual([queued.length, spool.files, spool.unended], [0, 0, 0]);
  });

  describe('leaves nothing of what was not accepted', () => {
    const refuse = async () => no(550, 'No');
    const explode = async (): Promise<PolicyAnswer> => {
      throw new Error('secret');
    };
    type Case = readonly [
      title: string,
      setting: Setting & { readonly fail?: WatchedSpool['fail'] },
      input: string,
      expected: RegExp,
    ];
    const data = `${to('bob@example.net')}DATA\r\n`;
    const cases: readonly Case[] = [
      [
        'RFC 3463 §3.4: no room at DATA',
        { fail: 'create' },
        mail('').slice(0, -3),
        /^452 4\.3\.1 /,
      ],
      ['no room while it comes in', { fail: 'write' }, mail(large), /^452 4\.3\.1 /],
      ['a disk that fails later', { fail: 'later' }, mail(large), /^452 4\.3\.1 /],
      ['no room at the end', { fail: 'commit' }, mail(large), /^452 4\.3\.1 /],
      [
        'a queue without room',
        { submit: () => Promise.reject(new StorageError('disk full')) },
        mail(large),
        /^452 4\.3\.1 /,
      ],
      [
        'a queue with a bug',
        { submit: () => Promise.reject(new Error('secret')) },
        mail(large),
        /^451 4\.3\.0 Local error, try again later$/,
      ],
      [
        'a refusal',
        { settings: { policies: byStage([{ name: 'no', message: refuse }]) } },
        mail(large),
        /^550 5\.7\.1 No$/,
      ],
      [
        'a rule with a bug',
        { settings: { policies: byStage([{ name: 'bug', message: explode }]) } },
        mail(large),
        /^451 4\.3\.0 Local error, try again later$/,
      ],
      ['RSET', {}, `${to('bob@example.net')}BDAT 2\r\nHiRSET\r\n`, /^250 2\.0\.0 /],
      ['EHLO', {}, `${to('bob@example.net')}BDAT 2\r\nHiEHLO x.test\r\n`, /^250 /],
      [
        'RFC 1870 §6.3: too much of it',
        { settings: { limits: { ...defaultLimits, messageSize: 1000 } } },
        mail(large),
        /^552 5\.3\.4 /,
      ],
      ['RFC 5321 §2.3.8: a bare LF', {}, mail('Hi\n\r\n'), /^550 5\.6\.11 /],
      ['a connection lost in DATA', {}, `${data}${large}`, /^354 /],
      ['a connection lost in BDAT', {}, `${to('bob@example.net')}BDAT 9\r\nHi`, /^250 /],
    ];
    for (const [title, { fail, ...setting }, input, expected] of cases)
      it(title, async () => {
        const { connect, spool, queued, connections } = await start(setting);
        spool.fail = fail;
        const peer = await connect();
        assert.match(lastLine(await peer.say(input)) ?? '', expected);
        if (/\.\r\n$/.test(input)) {
          // The next transaction starts empty.
          assert.match(await peer.say('RCPT TO:<bob@example.net>\r\n'), /^503 /);
          assert.match(await peer.say('MAIL FROM:<>\r\nRSET\r\n'), /^250 .*\r\n250 /);
        }
        await peer.endInput();
        for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setImmediate(resolve));
        assert.deepEqual([queued.length, spool.files, spool.unended], [0, 0, 0]);
        assert.equal(connections.open, 0);
      });
  });

  it('a store that is gone may have queued the message: its content stays for the recovery', async () => {
    const { connect, spool } = await start({
      submit: () => Promise.reject(new StoreGoneError('the store has stopped')),
    });
    const peer = await connect();
    assert.match(lastLine(await peer.say(mail(large)))!, /^452 4\.3\.1 /);
    assert.deepEqual([spool.files, spool.unended], [1, 0]);
  });

  it('a rule may refuse at each stage, and what it refused is not there for the next', async () => {
    const seen: string[] = [];
    const { connect } = await start({
      settings: {
        policies: byStage([
          {
            name: 'rule',
            async mail({ sender, recipients }) {
              seen.push(`mail ${sender?.local} ${recipients.length}`);
              return sender?.local === 'eve' ? no(550, 'Not eve') : undefined;
            },
            async rcpt({ recipients }, { named }) {
              seen.push(`rcpt ${named.local} ${recipients.length}`);
              return named.local === 'bob+x' ? no(450, 'Later') : undefined;
            },
          },
        ]),
      },
    });
    const peer = await connect();
    assert.equal(await peer.say('MAIL FROM:<eve@client.test>\r\n'), '550 5.7.1 Not eve\r\n');
    assert.match(await peer.say('RCPT TO:<bob@example.net>\r\n'), /^503 /);
    const heard = await peer.say(to('bob+x@example.net', 'bob@example.net'));
    assert.match(heard, /^250 .*\r\n450 4\.7\.1 Later\r\n250 /);
    assert.deepEqual(seen, ['mail eve 0', 'mail ann 0', 'rcpt bob+x 0', 'rcpt bob 0']);
  });

  it('RFC 5321 §3.6.2: relays for the trusted alone', async () => {
    const outside = to('carol@far.test');
    const stranger = await (await start()).connect();
    assert.match(lastLine(await stranger.say(outside))!, /^55\d 5\.7\.1 /);
    const trusted = await start({ settings: { isTrusted: () => true } });
    const friend = await trusted.connect();
    assert.match(lastLine(await friend.say(outside))!, /^250 2\.1\.5 /);
  });

  for (const [vrfy, trusted, who, expected] of [
    ['ambiguous', true, 'bob@example.net', /^252 2\.0\.0 /],
    ['no', true, 'bob@example.net', /^502 5\.7\.0 /],
    ['yes', false, 'nobody@example.net', /^252 2\.0\.0 /],
    ['yes', true, '<bob@example.net>', /^250 2\.1\.5 <bob@example\.net>/],
    ['yes', true, 'nobody@example.net', /^550 5\.1\.1 /],
    ['yes', true, 'carol@far.test', /^55\d 5\.7\.1 /],
    ['yes', true, 'Bob the builder', /^252 2\.0\.0 /],
    // RFC 6531 §3.7.4.2
    ['yes', true, 'bøb@example.net', /^252 2\.6\.8 /],
    ['yes', true, 'bøb@example.net SMTPUTF8', /^250 2\.1\.5 <bøb@example\.net>/],
  ] as const)
    it(`RFC 5321 §3.5.3: VRFY ${who}, ${vrfy}, ${trusted ? 'trusted' : 'a stranger'}`, async () => {
      const { connect } = await start({ settings: { vrfy, isTrusted: () => trusted } });
      assert.match(await (await connect()).say(`VRFY ${who}\r\n`), expected);
    });

  it('RFC 3207 §4.2: who has logged in before TLS is a stranger after it', async () => {
    const clock = new FakeClock();
    const peer = new MemoryPeer();
    const parts = {
      ...{ peer, clock, log: silentLog, session: 's1', service: 'smtp' },
      isTrusted: () => false,
      mechanisms: () => [],
      policies: byStage([]),
      login: () =>
        new Login({
          ...{ clock, log: silentLog, throttle: createLoginThrottle({ clock }) },
          authenticator: { verifyPassword: async (user) => user, mayActAs: async () => true },
        }),
    };
    const reception = new Reception(parts as unknown as ReceptionParts);
    const initial = Buffer.from('\0bob@example.net\0secret');
    await reception.answer({ kind: 'auth', mechanism: 'PLAIN', initial });
    assert.equal(reception.client.account, 'bob@example.net');
    reception.secured(peer);
    assert.equal(reception.client.account, undefined);
  });

  it('a login lets the client relay, under its own sender, and is told by Received', async () => {
    const { connect, queued, clock } = await start({
      settings: {
        service: 'submission',
        authRequired: true,
        mechanisms: () => ['PLAIN'],
        login: (log) =>
          new Login({
            ...{ clock, log, throttle: createLoginThrottle({ clock }) },
            authenticator: {
              verifyPassword: async () => 'bob@example.net',
              mayActAs: async () => true,
            },
          }),
        policies: byStage([
          {
            name: 'owner',
            mail: async ({ client: { account }, sender }) =>
              sender?.local === 'bob' && account === 'bob@example.net'
                ? undefined
                : no(553, 'Not yours'),
          },
        ]),
      },
    });
    const peer = await connect();
    assert.match(await peer.say('MAIL FROM:<bob@example.net>\r\n'), /^530 5\.7\.0 /);
    assert.match(await peer.say('AUTH PLAIN AGFubgBzZWNyZXQ=\r\n'), /^235 2\.7\.0 /);
    assert.match(await peer.say('MAIL FROM:<ann@example.net>\r\n'), /^553 5\.7\.1 /);
    const message = `MAIL FROM:<bob@example.net>\r\nRCPT TO:<carol@far.test>\r\nDATA\r\nHi\r\n.\r\n`;
    assert.match(lastLine(await peer.say(message))!, /^250 2\.6\.0 /);
    const { prefix, origin, messageId } = queued[0]!;
    assert.equal(origin.account, 'bob@example.net');
    assert.match(prefix, /with ESMTPA id id0/);
    assert.match(prefix, /\r\nDate: .*\r\nMessage-ID: <id0@mx\.example\.net>\r\n/);
    assert.equal(messageId, '<id0@mx.example.net>');
    assert.equal(queued[0]?.received, clock.now());
  });
});

describe('quota', () => {
  it('RFC 5321 §4.2.3: a full mailbox is refused at RCPT, by the size that MAIL announced', async () => {
    const asked: string[] = [];
    const room = mailboxRoom({
      quota: () => ({ bytes: 1_000, messages: 5 }),
      usage: async (account) => {
        asked.push(account);
        return { bytes: 900, messages: 1 };
      },
      clock: new FakeClock(),
    });
    const { connect } = await start({ settings: { policies: byStage([room]) } });
    const peer = await connect();
    await peer.say('MAIL FROM:<ann@client.test> SIZE=101\r\n');
    assert.match(await peer.say('RCPT TO:<bob+x@example.net>\r\n'), /^452 4\.2\.2 /);
    // Who is elsewhere is not ours to count.
    assert.match(await peer.say('RCPT TO:<team@example.net>\r\n'), /^250 /);
    assert.deepEqual(asked, ['bob@example.net']);
    await peer.say('RSET\r\nMAIL FROM:<ann@client.test>\r\n');
    assert.match(await peer.say('RCPT TO:<bob@example.net>\r\n'), /^250 /);
  });
});

describe('quota, at the end of the content', () => {
  const quota = () => ({ bytes: 1_000, messages: 5 });

  async function deliver(
    service: 'smtp' | 'lmtp',
    {
      recipients,
      content = 'Hi\r\n',
      by = 'DATA',
      full = [] as readonly number[],
    }: {
      recipients: readonly string[];
      content?: string;
      by?: 'DATA' | 'BDAT';
      full?: readonly number[];
    },
  ) {
    const rooms: (RoomAsked | undefined)[] = [];
    const { connect, spool } = await start({
      settings: { quota, service },
      submit: async (_message, _client, room) => {
        rooms.push(room);
        return full;
      },
    });
    const peer = await connect(service === 'lmtp' ? 'LHLO client.test\r\n' : undefined);
    await peer.say(to(...recipients));
    const wire =
      by === 'DATA' ? `DATA\r\n${content}.\r\n` : `BDAT ${content.length} LAST\r\n${content}`;
    const heard = (await peer.say(wire)).replace(/^354.*\r\n/, '');
    return { rooms, heard: heard.match(/^\d{3} \S+/gm), files: spool.files, open: spool.unended };
  }

  for (const by of ['DATA', 'BDAT'] as const)
    it(`asks for what the mailbox will hold, by ${by}, once for one mailbox`, async () => {
      const recipients = ['bob@example.net', 'BOB@example.net', 'bob+x@example.net'];
      const { rooms, heard } = await deliver('smtp', { recipients, by });
      assert.deepEqual(heard, ['250 2.6.0']);
      const [room] = rooms;
      assert.deepEqual(room?.replies, [[0, 1]]);
      assert.deepEqual(room?.quota, { bytes: 1_000, messages: 5 });
      const accounts = room?.needs.map((need) => need?.account);
      assert.deepEqual(accounts, ['bob@example.net', 'bob@example.net']);
      const [first, second] = room!.needs.map((need) => need!.bytes);
      assert.equal(second! - first!, '+x'.length, 'its fields are counted');
      assert.ok(first! > 'Hi\r\n'.length + 'Return-Path: <>\r\nDelivered-To: \r\n'.length);
    });

  it('RFC 5321 §4.2.3: 452 when there is no room, 552 when there never will be, and nothing stays', async () => {
    const recipients = ['bob@example.net'];
    const small = await deliver('smtp', { recipients, full: [0] });
    assert.deepEqual([small.heard, small.files, small.open], [['452 4.2.2'], 0, 0]);
    const big = await deliver('smtp', { recipients, content: large, full: [0] });
    assert.deepEqual([big.heard, big.files, big.open], [['552 5.2.2'], 0, 0]);
  });

  it('RFC 2033 §4.2: LMTP says it to each recipient alone', async () => {
    const recipients = ['bob@example.net', 'bob+x@example.net', 'team@example.net'];
    const some = await deliver('lmtp', { recipients, content: large, full: [1] });
    assert.deepEqual(some.rooms[0]?.replies, [[0], [1], [0, 2]]);
    assert.deepEqual(some.rooms[0]?.needs[2], undefined, 'who is elsewhere needs nothing');
    assert.deepEqual([some.heard, some.files], [['250 2.6.0', '552 5.2.2', '250 2.6.0'], 1]);
    const all = await deliver('lmtp', { recipients: recipients.slice(0, 2), full: [0, 1] });
    assert.deepEqual(all.heard, ['452 4.2.2', '452 4.2.2']);
    const none = await deliver('lmtp', { recipients, content: large, full: [0, 1, 2] });
    assert.deepEqual([none.files, none.open], [0, 0]);
  });

  it('what is for no mailbox of ours needs no room', async () => {
    const { rooms } = await deliver('smtp', { recipients: [] });
    assert.deepEqual(rooms, []);
    const { connect, queued } = await start({
      settings: { quota, isTrusted: () => true },
    });
    await (await connect()).say(mail('Hi\r\n', 'x@far.test'));
    assert.equal(queued.length, 1);
  });
});

describe('SmtpService', () => {
  it('RFC 5321 §3.8: 421 in place of the greeting when there are too many', async () => {
    const { connect, service, connections } = await start({ connections: 1 });
    const first = await connect();
    const second = new MemoryPeer();
    service.accept(second);
    assert.match(await second.hear(), /^421 4\.3\.2 /);
    assert.ok(second.ended);
    await first.say('QUIT\r\n');
    for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(connections.open, 0, 'counted out once, and the refused one never in');
    assert.equal(service.conversations, 0);
  });

  it('shutdown: 421 to the idle and to newcomers, the busy finish, and then it is over', async () => {
    const { connect, service, queued } = await start();
    const idle = await connect();
    const busy = await connect();
    await busy.say(`${to('bob@example.net')}DATA\r\n`);
    const over = service.shutdown();
    assert.match(await idle.hear(), /^421 4\.3\.2 /);
    const late = new MemoryPeer();
    service.accept(late);
    assert.match(await late.hear(), /^421 4\.3\.2 /);
    assert.match(await busy.say('Hi\r\n.\r\n'), /^250 2\.6\.0 .*\r\n421 4\.3\.2 /);
    await over;
    await service.shutdown(); // once more does no harm
    assert.equal(queued.length, 1);
  });

  it('destroy() ends those who would not', async () => {
    const { connect, service, spool } = await start();
    const busy = await connect();
    await busy.say(`${to('bob@example.net')}DATA\r\n`);
    const over = service.shutdown();
    service.destroy();
    await over;
    assert.ok(busy.destroyed);
    assert.equal(spool.unended, 0);
  });
});
