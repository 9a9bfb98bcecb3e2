// A reception that is asked directly, question by question: what becomes of a refusal, of what a proxy tells, and
// of what only those may ask who have logged in.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { MemoryPeer } from '../net/memory-peer.ts';
import type { Policy } from '../policy/policy.ts';
import { byStage } from '../policy/policy.ts';
import type { Refusal } from '../policy/refusals.ts';
import { parseStoredMailParams } from '../smtp/extensions/index.ts';
import type { Reply } from '../smtp/reply.ts';
import { replies, reply } from '../smtp/reply.ts';
import type { Refused } from '../smtp/server/event.ts';
import { StorageError } from '../smtp/smtp-error.ts';
import { MemorySpool } from '../store/files/memory-spool.ts';
import type { ReceptionParts } from './reception.ts';
import { Reception } from './reception.ts';

const bob = { local: 'bob', domain: 'example.net' };
const eve = { local: 'eve', domain: 'far.test' };
const account = 'ann@example.net';
const no = reply(550, '7.1', 'No');
const tls = { protocol: 'TLSv1.3', cipher: 'X', verified: false, peerNames: [] } as const;

function open(changes: Partial<ReceptionParts> = {}, policies: readonly Policy[] = []) {
  const noted: Refusal[] = [];
  const parts = {
    ...{ peer: new MemoryPeer(), clock: new FakeClock(), log: silentLog },
    ...{ session: 's1', service: 'smtp', hostname: 'mx.example.net', messageId: () => 'id1' },
    ...{ spool: new MemorySpool(), policies: byStage(policies), submit: async () => {} },
    isTrusted: () => false,
    mechanisms: ({ tls: known }: MemoryPeer) => (known === undefined ? [] : ['PLAIN']),
    wayOf: () => ({ delivery: 'local', destination: 'local' }),
    addressMap: {
      resolve: async () => ({
        kind: 'accept',
        recipients: [
          { address: 'bob@example.net', copy: 'bob@example.net', account: 'bob@example.net' },
        ],
      }),
    },
    vrfy: 'no',
    login: () => ({ start: async () => ({ kind: 'logged-in', account }), cancel: () => {} }),
    refusals: { note: (refusal: Refusal) => void noted.push(refusal) },
    ...changes,
  };
  const reception = new Reception(parts as unknown as ReceptionParts);
  const login = () =>
    reception.answer({ kind: 'auth', mechanism: 'PLAIN', initial: new Uint8Array() });
  const mail = (...params: string[]) =>
    reception.answer({ kind: 'mail', from: eve, params: parseStoredMailParams(params) });
  const rcpt = () => reception.answer({ kind: 'rcpt', to: bob, params: [] });
  const hello = (verb: 'EHLO' | 'HELO' = 'EHLO') =>
    reception.answer({ kind: 'hello', client: 'c.test', verb });
  return { reception, noted, login, mail, rcpt, hello };
}

const refusedAt = (stage: Refused['stage'], more: Partial<Refused> = {}): Refused => ({
  ...{ stage, reply: no, sender: undefined, recipients: [] },
  ...more,
});

describe('what was refused is noted', () => {
  const who = { session: 's1', service: 'smtp', client: '198.51.100.7' };

  it('with the client as far as it is known, and the reply where nothing more is', async () => {
    const { reception, noted, hello, login } = open();
    reception.refused(refusedAt('connect'), undefined);
    await hello();
    await login();
    reception.refused(refusedAt('mail', { sender: null }), 'it is listed');
    assert.deepEqual(noted, [
      {
        ...{ ...who, hello: undefined, account: undefined },
        ...{ stage: 'connect', reply: '550 5.7.1 No', reason: 'No' },
      },
      {
        ...{ ...who, hello: 'c.test', account },
        ...{ stage: 'mail', reply: '550 5.7.1 No', reason: 'it is listed', from: '' },
      },
    ]);
  });

  it('with whom it was from and for: the first of several, and how many', () => {
    const { reception, noted } = open();
    const one = { sender: eve, recipients: [bob] };
    reception.refused(refusedAt('rcpt', one), undefined);
    reception.refused(refusedAt('data', { ...one, recipients: [bob, eve] }), undefined);
    assert.deepEqual(
      noted.map(({ from, to, recipients }) => [from, to, recipients]),
      [
        ['eve@far.test', 'bob@example.net', undefined],
        ['eve@far.test', 'bob@example.net', 2],
      ],
    );
  });

  it('with the message it was about: of its beginning, or as it was when it was complete', async () => {
    const { reception, noted, mail, rcpt } = open({}, [
      { name: 'no', message: () => ({ objection: no }) },
    ]);
    await mail();
    await rcpt();
    await reception.answer({ kind: 'data', via: 'DATA', binary: false });
    await reception.content(Buffer.from('Subject: x\r\nMessage-'));
    const rest = Buffer.from('ID: <m@far.test>\r\n\r\n');
    const stopped = refusedAt('content', { sender: eve, recipients: [bob], content: rest });
    reception.refused(stopped, undefined);
    await reception.content(rest);
    await reception.answer({ kind: 'message', bytes: 40 });
    reception.refused({ ...stopped, content: undefined }, undefined);
    await mail();
    reception.refused(refusedAt('rcpt', { sender: eve, recipients: [bob] }), undefined);
    assert.deepEqual(
      noted.map(({ messageId }) => messageId),
      ['<m@far.test>', '<m@far.test>', undefined],
    );
    assert.equal('messageId' in noted[2]!, false);
  });

  it('… and never with the one before it', async () => {
    const spool = new MemorySpool();
    let isFull = false;
    const full = {
      create: (...given: Parameters<MemorySpool['create']>) => {
        const writer = spool.create(...given);
        const commit = () => (isFull ? Promise.reject(new StorageError('full')) : writer.commit());
        return {
          size: 0,
          write: writer.write.bind(writer),
          commit,
          abort: async () => {},
          release() {},
        };
      },
    };
    const { reception, noted, mail, rcpt } = open({ spool: full as never });
    for (const last of [false, true]) {
      isFull = last;
      await mail();
      await rcpt();
      await reception.answer({ kind: 'data', via: 'DATA', binary: false });
      await reception.content(Buffer.from('Message-ID: <m@far.test>\r\n\r\n'));
      const asked = reception.answer({ kind: 'message', bytes: 28 });
      if (last) await assert.rejects(async () => asked, StorageError);
      else await asked;
      reception.refused(refusedAt('content', { sender: eve, recipients: [bob] }), undefined);
    }
    assert.deepEqual(
      noted.map(({ messageId }) => messageId),
      ['<m@far.test>', undefined],
    );
  });

  it('with what was found out: about the client, and from MAIL on about the message', async () => {
    const found = (field: string) => ({ findings: [{ kind: 'field', field }] }) as never;
    const { reception, noted, mail } = open({}, [
      { name: 'finds', connect: () => found('client'), mail: () => found('mail') },
    ]);
    reception.refused(refusedAt('connect'), undefined);
    await reception.answer({ kind: 'connect' });
    await mail();
    reception.refused(refusedAt('command'), undefined);
    reception.refused(refusedAt('rcpt', { sender: eve, recipients: [bob] }), undefined);
    assert.deepEqual(
      noted.map(({ findings }) => findings?.map((one) => (one as { field?: string }).field)),
      [undefined, ['client'], ['client', 'mail']],
    );
    assert.equal('findings' in noted[0]!, false);
  });

  it('a handshake that failed, too; and nothing where nobody keeps a record', () => {
    const { reception, noted } = open();
    reception.tlsFailed('no shared cipher');
    assert.deepEqual(
      noted.map(({ stage, reason }) => [stage, reason]),
      [['starttls', 'no shared cipher']],
    );
    const { reception: silent } = open({ refusals: undefined });
    silent.refused(refusedAt('connect'), undefined);
    silent.tlsFailed('x');
  });

  it('a recipient that is refused is told to those who count them, whoever refuses', async () => {
    const heard: string[] = [];
    const counts: Policy = {
      name: 'counts',
      refusedRcpt: (_, { local }, { code }) => void heard.push(`${local} ${code}`),
    };
    const byMap = open(
      { addressMap: { resolve: async () => ({ kind: 'refuse', reply: replies.notImplemented }) } },
      [counts],
    );
    await byMap.mail();
    assert.equal(await byMap.rcpt(), replies.notImplemented);
    const byPolicy = open({}, [counts, { name: 'no', rcpt: () => ({ objection: no }) }]);
    await byPolicy.mail();
    assert.equal(await byPolicy.rcpt(), no);
    const taken = open({}, [counts]);
    await taken.mail();
    assert.equal(await taken.rcpt(), replies.recipientOk);
    assert.deepEqual(heard, [`bob ${replies.notImplemented.code}`, 'bob 550']);
  });
});

describe('objections to the client', () => {
  it('RFC 5321 §3.1: of those who look at it when it comes', async () => {
    const { reception } = open({}, [{ name: 'no', connect: () => ({ objection: no }) }]);
    assert.equal(await reception.answer({ kind: 'connect' }), no);
    assert.equal(await open().reception.answer({ kind: 'connect' }), replies.greeting);
  });

  it('of those who look at its TLS: at the greeting, or at the EHLO that follows STARTTLS', async () => {
    let asked = 0;
    const policy: Policy = {
      name: 'no',
      secure: async ({ tls: known }) => {
        asked += 1;
        assert.deepEqual(known, tls);
        return { objection: no };
      },
    };
    const implicit = open({ peer: new MemoryPeer({ tls }) }, [policy]);
    assert.equal(await implicit.reception.answer({ kind: 'connect' }), no);
    for (const more of [[], [{ name: 'hello', hello: () => undefined }]]) {
      const { reception, hello } = open({}, [policy, ...more]);
      assert.equal(await reception.answer({ kind: 'connect' }), replies.greeting);
      assert.equal(await hello(), replies.ok);
      assert.deepEqual(reception.secured(new MemoryPeer({ tls })), {
        mechanisms: ['PLAIN'],
        trusted: false,
      });
      assert.equal(await hello(), no);
    }
    assert.equal(asked, 3);
  });

  it('what fails in asking about TLS is told to the EHLO, and ends nothing before', async () => {
    const { reception, hello } = open({}, [
      { name: 'bug', secure: () => Promise.reject(new Error('broken')) },
    ]);
    reception.secured(new MemoryPeer({ tls }));
    await new Promise(setImmediate);
    await assert.rejects(async () => hello(), /broken/);
  });

  it('of those who look at its name', async () => {
    const { hello, reception } = open({}, [
      {
        name: 'no',
        hello: async ({ hello: name }) => (name === 'c.test' ? { objection: no } : undefined),
      },
    ]);
    assert.equal(await hello(), no);
    const question = { kind: 'hello', client: 'other.test', verb: 'HELO' } as const;
    assert.equal(await reception.answer(question), replies.ok);
  });

  it('of those who look at what is no command', async () => {
    const { reception } = open({}, [
      { name: 'no', unknown: (_, line) => (line === 'GET /' ? { objection: no } : undefined) },
    ]);
    assert.equal(await reception.answer({ kind: 'unknown', line: 'GET /' }), no);
    assert.equal(await reception.answer({ kind: 'unknown', line: 'X' }), replies.unknownCommand);
  });
});

describe('what a proxy tells', () => {
  const proxies = {
    has: (address: string) => address === '192.0.2.77',
    accountOf: async (login: string) => (login === account ? account : undefined),
  };
  const xclient = (told: object) => ({ kind: 'xclient', told }) as never;

  it('makes another client: whatever was known or held of the proxy is gone', async () => {
    let held = 0;
    const holds: Policy = {
      name: 'holds',
      connect: () => {
        held += 1;
        const release = () => {
          held -= 1;
        };
        return { reservation: { release }, findings: [{ kind: 'field' } as never] };
      },
      secure: () => ({ objection: no }),
    };
    const { reception, noted, hello } = open(
      { proxies, peer: new MemoryPeer({ tls }), isTrusted: (address) => address === '192.0.2.77' },
      [holds],
    );
    assert.equal(await reception.answer({ kind: 'connect' }), no);
    assert.equal(held, 1);
    const told = { address: '192.0.2.5', hello: 'inner.test', login: account };
    assert.deepEqual(await reception.answer(xclient(told)), {
      newClient: { trusted: false, xclient: false, authenticated: true, introduced: 'HELO' },
    });
    assert.equal(held, 0);
    const { remote, hello: name, account: who } = reception.client;
    assert.deepEqual([remote.address, name, who], ['192.0.2.5', 'inner.test', account]);
    reception.refused(refusedAt('command'), undefined);
    assert.equal('findings' in noted[0]!, false);
    assert.equal(await hello(), replies.ok, 'nobody has objected to this one');
    assert.deepEqual(await reception.answer(xclient({ address: '192.0.2.77', extended: true })), {
      newClient: { trusted: true, xclient: true, authenticated: false, introduced: undefined },
    });
  });

  it('… of whom is noted what is found from then on', async () => {
    const { reception, noted, mail } = open({ proxies }, [
      { name: 'finds', unknown: () => ({ findings: [{ kind: 'field' } as never], objection: no }) },
    ]);
    await mail();
    await reception.reset();
    await reception.answer(xclient({ address: '192.0.2.5' }));
    await reception.answer({ kind: 'unknown', line: 'X' });
    reception.refused(refusedAt('command'), undefined);
    assert.equal(noted[0]?.findings?.length, 1);
  });

  it('of an account that there is not is refused, and changes nothing', async () => {
    const { reception } = open({ proxies });
    const told = { address: '192.0.2.5', login: 'nobody@example.net' };
    const { code } = (await reception.answer(xclient(told))) as Reply;
    assert.equal(code, 501);
    assert.equal(reception.client.remote.address, '198.51.100.7');
  });
});

describe('what is for those who have logged in', () => {
  it('RFC 4468 §3.2: BURL, with what it names or why not', async () => {
    const asked: string[] = [];
    const fetchUrl: ReceptionParts['fetchUrl'] = async (of, url) => {
      asked.push(`${of} ${url}`);
      return url === 'bad' ? no : { bytes: Buffer.from('x'), release: () => {} };
    };
    const { reception, login } = open({ fetchUrl });
    const burl = (url: string) => reception.answer({ kind: 'burl', url, last: true });
    assert.equal(((await burl('imap:a')) as Reply).code, 554);
    await login();
    assert.deepEqual(await burl('imap:a'), { fetched: Buffer.from('x') });
    assert.equal(await burl('bad'), no);
    assert.deepEqual(asked, [`${account} imap:a`, `${account} bad`]);
    const without = open();
    await without.login();
    const question = { kind: 'burl', url: 'imap:a', last: true } as const;
    assert.equal(((await without.reception.answer(question)) as Reply).code, 554);
  });

  it('RFC 4468 §3.2: what was fetched is held until it has become content, or its transaction is over', async () => {
    let held = 0;
    const fetchUrl: ReceptionParts['fetchUrl'] = async () => {
      held += 1;
      const release = () => {
        held -= 1;
      };
      return { bytes: Buffer.alloc(4000, 'x'), release };
    };
    const { reception, login } = open({ fetchUrl });
    await login();
    const transaction = async () => {
      await reception.answer({ kind: 'mail', from: null, params: [] });
      await reception.answer({
        kind: 'rcpt',
        to: bob,
        params: [],
      });
      await reception.answer({ kind: 'burl', url: 'imap:a', last: false });
      await reception.answer({ kind: 'data', via: 'BDAT', binary: false });
      await reception.content(Buffer.alloc(1000, 'x'));
      assert.equal(held, 1);
    };
    await transaction();
    // A line end may be kept back.
    await reception.content(Buffer.alloc(2999, 'x'));
    assert.equal(held, 0);
    await reception.reset();
    await transaction();
    await reception.reset();
    assert.equal(held, 0);
  });

  it('RFC 2645 §5.2: ATRN, whose turn comes once', async () => {
    const turned: string[] = [];
    const turns: ReceptionParts['turns'] = {
      ask: async (of, domains) => {
        turned.push(`${of} ${domains}`);
        return { reply: replies.ok, turn: async () => void turned.push('turned') };
      },
    };
    const { reception, login } = open({ turns });
    const ask = () => reception.answer({ kind: 'atrn', domains: ['a.test'] });
    assert.equal(await ask(), replies.notImplemented);
    await reception.turned(new MemoryPeer());
    await login();
    assert.equal(await ask(), replies.ok);
    await reception.turned(new MemoryPeer());
    await reception.turned(new MemoryPeer());
    assert.deepEqual(turned, [`${account} a.test`, 'turned']);
    const without = open();
    await without.login();
    const question = { kind: 'atrn', domains: [] } as const;
    assert.equal(await without.reception.answer(question), replies.notImplemented);
  });
});

describe('what ends', () => {
  it('a lost connection ends what was held for its transaction and for itself', async () => {
    const held: string[] = [];
    const hold = (what: string) => {
      held.push(what);
      return { reservation: { release: () => void held.splice(held.indexOf(what), 1) } };
    };
    const { reception, mail } = open({}, [
      { name: 'holds', connect: () => hold('client'), mail: () => hold('mail') },
    ]);
    await reception.answer({ kind: 'connect' });
    await mail();
    assert.deepEqual(held, ['client', 'mail']);
    reception.closed();
    assert.deepEqual(held, []);
  });

  it('RSET, or a connection that is lost, ends a login that is under way', async () => {
    let cancelled = 0;
    const login = () => ({
      start: async () => ({ kind: 'challenge', bytes: new Uint8Array() }),
      cancel: () => {
        cancelled += 1;
      },
    });
    const { reception, login: begin } = open({ login: login as never });
    await begin();
    await reception.reset();
    assert.equal(cancelled, 1);
  });
});

describe('what is answered to an envelope', () => {
  it('content is kept as mail that is relayed where nobody has a mailbox here', async () => {
    const asked: unknown[] = [];
    const spool = new MemorySpool();
    const create = (how: { readonly relayed: boolean }) => {
      asked.push(how);
      return spool.create();
    };
    for (const delivery of ['local', 'relay'] as const) {
      const wayOf = () => ({ delivery, destination: 'x' });
      const { reception, mail, rcpt } = open({ wayOf, spool: { create } as never });
      await mail();
      await rcpt();
      await reception.answer({ kind: 'data', via: 'DATA', binary: false });
    }
    assert.deepEqual(asked, [{ relayed: false }, { relayed: true }]);
  });

  it('RFC 6710 §4.1: the priority, where it is not the one that was asked for', async () => {
    const { reception, mail } = open();
    const priority = (param: object) =>
      reception.answer({ kind: 'mail', from: eve, params: [param] as never });
    assert.equal(await mail(), replies.senderOk);
    assert.equal(await mail('BODY=8BITMIME'), replies.senderOk);
    assert.equal(await priority({ name: 'MT-PRIORITY', priority: 3 }), replies.senderOk);
    const { detail, lines } = (await priority({
      ...{ name: 'MT-PRIORITY', priority: 0, wanted: 9 },
    })) as Reply;
    assert.deepEqual([detail, lines], ['3.6', ['0 is the new priority assigned to the message']]);
  });

  it('RFC 4141 §5.2: what the device of a recipient can show, to whoever asks', async () => {
    const conneg = [{ name: 'CONNEG' }] as never;
    const { reception, mail } = open({
      featureSetOf: ({ local }) => (local === 'bob' ? '(x=1)' : undefined),
    });
    await mail();
    const rcpt = (to: typeof bob, params: never) => reception.answer({ kind: 'rcpt', to, params });
    assert.notEqual(await rcpt(bob, conneg), replies.recipientOk);
    assert.equal(await rcpt(eve, conneg), replies.recipientOk);
    assert.equal(await rcpt(bob, [] as never), replies.recipientOk);
    assert.equal(await rcpt(bob, [{ name: 'NOTIFY' }] as never), replies.recipientOk);
  });

  it('an objection at DATA stands in place of 354', async () => {
    const { reception, mail, rcpt } = open({}, [
      {
        name: 'no',
        data: ({ recipients }) => (recipients.length > 1 ? { objection: no } : undefined),
      },
    ]);
    const data = { kind: 'data', via: 'DATA', binary: false } as const;
    await mail();
    await rcpt();
    assert.equal(await reception.answer(data), replies.startContent);
    await reception.reset();
    await mail();
    await rcpt();
    await rcpt();
    assert.equal(await reception.answer(data), no);
  });
});
