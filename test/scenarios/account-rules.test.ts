// What owners of accounts want done with their mail, through the whole server: filters, forwarding, an answer while they
// are away.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AccountRules } from '../../src/policy/rules/account-rules.ts';
import { storiesOf } from '../../src/queue/story/story.ts';
import { formatWhy } from '../../src/queue/story/story-text.ts';
import { startTestServer, type TestServer } from '../../src/testing/index.ts';
import { eventually } from '../process.ts';
import { startNextHop } from './wire.ts';

const [ann, bob, cid] = ['ann@example.org', 'bob@example.org', 'cid@example.org'];
const eve = 'eve@far.test';
const heard: string[] = [];
const hour = 3_600_000;

let server: TestServer;
let hop: Awaited<ReturnType<typeof startNextHop>>;
let sent = 0;

before(async () => {
  hop = await startNextHop((line) => {
    if (/^(MAIL|RCPT)/.test(line)) heard.push(line);
    return '250 2.0.0 OK';
  });
  server = await startTestServer({
    accounts: [ann, bob, cid],
    config: {
      domains: ['example.org'],
      aliases: { 'sales@example.org': [ann] },
      listeners: [{ service: 'smtp', host: '127.0.0.1', port: 0 }],
      routes: [{ domain: '*', host: '127.0.0.1', port: hop.port, tls: 'none' }],
    },
  });
});
after(async () => {
  await server[Symbol.asyncDispose]();
  await hop[Symbol.asyncDispose]();
});

/** As the API and the command line ask: what is left out has its default. */
async function rules(address: string, given: object): Promise<void> {
  await server.server.operations.accountRulesSet({ address, rules: given as AccountRules });
}

interface Mail {
  readonly to?: string;
  readonly from?: string;
  readonly subject?: string;
  readonly fields?: string;
}

/** Sends a message and waits until nothing more comes of it; its Message-ID. */
async function send({ to = ann, from = eve, subject = 'hi', fields = '' }: Mail = {}) {
  sent += 1;
  const id = `<rules-${sent}@far.test>`;
  const message = `From: ${from}\r\nTo: ${to}\r\nSubject: ${subject}\r\nMessage-ID: ${id}\r\n${fields}\r\nHello\r\n`;
  await server.send({ from, to, message });
  await server.advance(0);
  await server.advance(0);
  return id;
}

/** Where mail with that Message-ID lies: `ann@example.org Lists \Seen`. */
async function places(id: string): Promise<readonly string[]> {
  const { folders } = server.server.stores;
  const found: string[] = [];
  for (const account of [ann, bob, cid])
    for (const folder of await folders.folders(account))
      for (const uid of await folders.search(folder.id, {
        ...{ kind: 'header', name: 'message-id', text: id },
      })) {
        const [row] = await folders.list(folder.id, { after: uid - 1, limit: 1 });
        found.push([account.split('@')[0], folder.path, ...row!.flags].join(' '));
      }
  return found;
}

async function why(id: string): Promise<string> {
  const { stores, history } = server.server;
  return formatWhy(await storiesOf({ store: stores.queue, history }, id));
}

const takenByHop = (id: string) => hop.taken.filter((message) => message.includes(id));

describe('rules of an account', () => {
  it('put mail into folders, which are made, and mark it; the first folder holds, a stop stops', async () => {
    await rules(ann, {
      filters: [
        {
          name: 'lists',
          when: { subject: '[DEV]' },
          do: { folder: 'Lists/Dev', markRead: true },
        },
        { name: 'eve', when: { from: 'EVE@', to: 'ann' }, do: { flag: true }, stop: true },
        { name: 'never', when: {}, do: { folder: 'Never' } },
      ],
    });
    const id = await send({ subject: '=?utf-8?Q?=5Bdev=5D_caf=C3=A9?=' });
    assert.deepEqual(await places(id), ['ann Lists/Dev \\Seen \\Flagged']);
    assert.match(await why(id), /filters: lists, eve/);
    assert.deepEqual(await places(await send({ from: 'zoe@far.test' })), ['ann Never']);
    assert.deepEqual(await places(await send({ to: bob })), ['bob INBOX'], 'nobody else’s');
  });

  it('discard mail, which `why` tells', async () => {
    await rules(ann, {
      filters: [
        {
          name: 'big',
          when: { match: 'any', size: { over: 1e6 }, subject: 'spam' },
          do: { discard: true },
        },
      ],
    });
    const id = await send({ subject: 'Spam!' });
    assert.deepEqual(await places(id), []);
    assert.match(await why(id), /discarded by a filter/);
    assert.deepEqual(await places(await send()), ['ann INBOX']);
  });

  it('send mail on under a sender of ours (SRS), with a copy or without', async () => {
    heard.length = 0;
    await rules(ann, { forward: { to: ['friend@far.test', bob] } });
    const id = await send();
    await eventually(async () => takenByHop(id).length > 0 || undefined, 'it is sent on');
    assert.match(heard[0]!, /^MAIL FROM:<SRS0=[a-z2-7]{6}=[a-z2-7]{2}=far\.test=eve@example\.org>/);
    assert.match(heard[1]!, /^RCPT TO:<friend@far\.test>/);
    assert.deepEqual(await places(id), ['ann INBOX', 'bob INBOX']);
    assert.match(await why(id), /sent on to friend@far\.test; sent on to bob@example\.org/);
    await rules(ann, { forward: { to: [bob], keepCopy: false } });
    assert.deepEqual(await places(await send()), ['bob INBOX']);
  });

  it('make no loop: who forwards to each other has one copy each, and nobody is told of a failure', async () => {
    await rules(ann, { forward: { to: [bob] } });
    await rules(bob, { forward: { to: [ann, cid], keepCopy: false } });
    await rules(cid, { forward: { to: [ann, bob], keepCopy: false } });
    const taken = hop.taken.length;
    const id = await send();
    assert.deepEqual(await places(id), ['ann INBOX', 'cid INBOX']);
    assert.match(await why(id), /not to ann@example\.org: it has been there before/);
    assert.equal(hop.taken.length, taken, 'no report');
    for (const account of [bob, cid]) await rules(account, {});
  });

  it('RFC 3834: answer once in so many days for each sender, and again after another text', async () => {
    await rules(ann, { vacation: { text: 'I am away: é', days: 1 } });
    const answers = () => takenByHop('auto-replied');
    const answered = async (mail: Mail = {}) => {
      const before = answers().length;
      await send(mail);
      return answers().length - before;
    };
    const sender = 'first@far.test';
    heard.length = 0;
    const id = await send({ from: sender, subject: 'question' });
    await eventually(async () => answers().length === 1 || undefined, 'it is answered');
    assert.match(heard[0]!, /^MAIL FROM:<>/);
    assert.match(heard[1]!, /^RCPT TO:<first@far\.test>/);
    const [content = ''] = answers();
    for (const line of [
      'From: ann@example.org',
      `To: ${sender}`,
      'Subject: Auto: question',
      `In-Reply-To: ${id}`,
    ])
      assert.ok(content.includes(`${line}\r\n`), line);
    assert.ok(content.includes(Buffer.from('I am away: é').toString('base64')));
    assert.match(await why(id), /vacation answer sent/);
    assert.deepEqual(await places(id), ['ann INBOX']);

    await server.advance(13 * hour);
    assert.equal(await answered({ from: sender }), 0);
    assert.equal(await answered({ from: 'second@far.test' }), 1);
    await server.advance(13 * hour);
    assert.equal(await answered({ from: sender }), 1, 'days later');
    await rules(ann, { vacation: { text: 'Still away' } });
    assert.equal(await answered({ from: sender }), 1, 'another text');
    assert.equal(
      await answered({ to: 'sales@example.org', from: 'third@far.test' }),
      1,
      'by an alias',
    );
  });

  it('RFC 3834 §2: answer no list, no program, nothing automatic, nobody', async () => {
    await rules(ann, { vacation: { text: 'gone fishing' } });
    const taken = hop.taken.length;
    const ids = [
      await send({ from: '' }),
      await send({ from: 'no-reply@far.test' }),
      await send({ from: 'a1@far.test', fields: 'List-Id: <x.far.test>\r\n' }),
      await send({ from: 'a2@far.test', fields: 'Auto-Submitted: auto-generated\r\n' }),
      await send({ from: 'a3@far.test', fields: 'Precedence: bulk\r\n' }),
    ];
    assert.equal(hop.taken.length, taken);
    for (const id of ids) assert.match(await why(id), /no vacation answer: /);
  });
});

describe('setting rules', () => {
  it('says what is wrong with them', async () => {
    const { operations } = server.server;
    const refused = (given: object, message: RegExp) => assert.rejects(rules(ann, given), message);
    await refused({ forward: { to: [ann] } }, /is the account itself/);
    await refused({ forward: { to: ['nowhere'] } }, /nowhere is no address/);
    await refused({ forward: { to: Array.from({ length: 11 }, () => bob) } }, /forward/);
    const many = Array.from({ length: 101 }, () => ({ name: 'x', when: {}, do: {} }));
    await refused({ filters: many }, /filters/);
    await refused({ filters: [{ name: 'x', when: {}, do: { folder: '/a' } }] }, /a folder such as/);
    await refused(
      { vacation: { text: 'x', from: '2026-02-02', until: '2026-01-01' } },
      /ends before/,
    );
    await refused({ sieve: '' }, /sieve/);
    await assert.rejects(rules('nobody@example.org', {}), /there is no account/);
    await rules(ann, {});
    assert.deepEqual(await operations.accountRules({ address: ann }), { filters: [] });
  });
});
