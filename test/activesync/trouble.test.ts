// What goes wrong between a phone and its server: proxies that cut polls, a phone that asks the same for ever, two
// requests at once, a mailbox that is full. Nothing twice, nothing lost.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { describe, it } from 'node:test';
import type { TestServer } from '../../src/testing/index.ts';
import { webClient } from '../scenarios/web-client.ts';
import { collectionIn, Phone } from './phone.ts';
import type { Node } from './wire.ts';
import { at, childrenOf, text } from './wire.ts';
import {
  ann,
  arrive,
  bob,
  changeOf,
  draftsType,
  during,
  imap,
  inboxType,
  password,
  phoneOf,
  reply,
  send,
  sentType,
  start,
  startLogged,
  trashType,
  urlOf,
} from './world.ts';

/** Between the two, until it cuts all that goes through it. */
async function proxyTo(url: string) {
  const through = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      through.add(one);
      one.on('error', () => {}).on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    cut: () => {
      for (const socket of through) socket.destroy();
      through.clear();
    },
    [Symbol.dispose]: () => void server.close(),
  };
}

const pingOf = (folder: string): Node => [
  'Ping:Ping',
  ['Ping:HeartbeatInterval', '3540'],
  ['Ping:Folders', ['Ping:Folder', ['Ping:Id', folder], ['Ping:Class', 'Email']]],
];

/** How many polls wait. */
function polls({ clock }: TestServer): () => number {
  const after = clock.after.bind(clock);
  const open = new Set<() => void>();
  clock.after = (ms, callback) => {
    const cancel = after(ms, callback);
    if (ms !== 3_540_000) return cancel;
    open.add(cancel);
    return () => {
      open.delete(cancel);
      cancel();
    };
  };
  return () => open.size;
}

/** @throws AssertionError where it does not come to that in many turns of the event loop. */
async function until(fits: () => boolean, what: string): Promise<void> {
  for (let turns = 0; turns < 20_000 && !fits(); turns += 1)
    await new Promise((resolve) => setImmediate(resolve));
  assert.ok(fits(), what);
}

describe('a phone in trouble', () => {
  it('a proxy cuts its polls each minute: it asks again, and hears what came meanwhile, once', async () => {
    await using server = await start();
    using proxy = await proxyTo(urlOf(server));
    const phone = new Phone({ url: proxy.url, user: ann, password, version: '16.1' });
    await phone.setUp();
    const inbox = phone.folder(inboxType);
    await phone.sync(inbox);
    const waiting = polls(server);
    const waits = [
      () => phone.ask('Ping', pingOf(inbox)),
      () => phone.ask('Sync', phone.request(inbox, [], [['AirSync:HeartbeatInterval', '3540']])),
    ];
    for (const [round, wait] of waits.entries()) {
      for (let times = 0; times < 3; times += 1) {
        const cut = assert.rejects(wait());
        await until(() => waiting() > 0, 'it waits');
        await server.advance(60_000);
        proxy.cut();
        await cut;
        // Nothing is left of it here.
        await until(() => waiting() === 0, 'nobody waits for it any more');
      }
      // It has come while nobody asked.
      const subject = `between${round}`;
      await arrive(server, subject);
      const told = await during(server, wait());
      if (round === 0) {
        assert.equal(text(told.doc, 'Ping:Status'), '2');
        await phone.sync(inbox);
      } else phone.take(told.doc!);
      assert.equal(phone.withSubject(inbox, subject).length, 1);
      assert.equal(await phone.syncOnce(inbox), undefined);
    }
    proxy.cut();
  });

  it('asks the same without an end: it is slowed and named, and goes on as soon as it asks something else', async () => {
    await using logged = await startLogged();
    const { server, lines } = logged;
    const phone = phoneOf(server, '16.1');
    await phone.setUp();
    const inbox = phone.folder(inboxType);
    const begin: Node = phone.request(inbox);
    const before = server.clock.now();
    for (let times = 0; times < 60; times += 1) await phone.ask('Sync', begin);
    assert.equal(server.clock.now(), before, 'sixty are answered at once');
    // Whatever it asks in between.
    await arrive(server, 'one');
    for (let times = 0; times < 10; times += 1) await during(server, phone.ask('Sync', begin));
    assert.ok(server.clock.now() - before >= 18_000);
    const named = lines.filter(({ event }) => event === 'device asks in a loop');
    assert.deepEqual(
      named.map(({ account, device, during: command, count }) => [account, device, command, count]),
      [[ann, 'phone1', 'Sync', 1]],
    );
    phone.take((await during(server, phone.ask('Sync', begin))).doc!);
    const now = server.clock.now();
    await phone.sync(inbox);
    assert.equal(phone.withSubject(inbox, 'one').length, 1);
    assert.equal(server.clock.now(), now);
  });

  it('two requests at once: one after the other; a Ping waits beside a Sync, and gives way to the next Ping', async () => {
    await using server = await start();
    const phone = phoneOf(server, '16.1');
    await phone.setUp();
    for (const subject of ['one', 'two', 'three']) await arrive(server, subject);
    const inbox = phone.folder(inboxType);
    phone.take((await phone.ask('Sync', phone.request(inbox))).doc!);
    const ids = async () => {
      const { doc } = await phone.ask('Sync', phone.request(inbox, [['AirSync:WindowSize', '2']]));
      return [
        text(collectionIn(doc, inbox), 'AirSync:SyncKey'),
        childrenOf(collectionIn(doc, inbox, 'AirSync:Commands')).map((each) =>
          text(each, 'AirSync:ServerId'),
        ),
      ];
    };
    const [first, ...others] = await Promise.all([ids(), ids(), ids(), ids()]);
    assert.equal((first![1] as string[]).length, 2);
    for (const other of others) assert.deepEqual(other, first, 'the same request, the same answer');
    await phone.sync(inbox, 2);
    assert.equal(phone.in(inbox).size, 3);

    const given = phone.ask('Ping', pingOf(inbox));
    await server.advance(0);
    const waiting = phone.ask(
      'Sync',
      phone.request(inbox, [], [['AirSync:HeartbeatInterval', '3540']]),
    );
    await server.advance(0);
    const kept = phone.ask('Ping', pingOf(inbox));
    assert.equal(text((await given).doc, 'Ping:Status'), '1', 'the last one was given up');
    const [one] = phone.withSubject(inbox, 'one');
    await phone.syncOnce(inbox, [changeOf(one!, ['Email:Read', '1'])]);
    assert.equal((await waiting).octets.length, 0, 'a Sync that waits makes room');
    await arrive(server, 'four');
    assert.equal(text((await during(server, kept)).doc, 'Ping:Status'), '2');
  });

  it('a mailbox that is full takes no drafts, and what is sent is sent all the same', async () => {
    await using server = await start({ mailboxes: { quota: { messages: 1 } } });
    const phone = phoneOf(server, '16.1');
    await phone.setUp();
    await arrive(server, 'one');
    const drafts = phone.folder(draftsType);
    await phone.sync(drafts);
    const answer = await phone.syncOnce(drafts, [
      [
        'AirSync:Commands',
        [
          'AirSync:Add',
          ['AirSync:ClientId', 'd1'],
          ['AirSync:ApplicationData', ['Email:Subject', 'draft']],
        ],
      ],
    ]);
    const responses = collectionIn(answer, drafts, 'AirSync:Responses');
    assert.equal(text(at(responses, 'AirSync:Add'), 'AirSync:Status'), '9');
    await send(phone, 'SendMail', reply('sent', bob));
    await server.waitFor(({ subject }) => subject === 'sent');
    const sent = phone.folder(sentType);
    await phone.sync(sent);
    assert.equal(phone.in(sent).size, 1, 'with its copy');
  });

  it('is shown what it may see alone: folders that others share are there by IMAP', async () => {
    await using server = await start();
    const client = await imap(server, bob);
    await client.ask('CREATE Shared');
    assert.match((await client.ask(`SETACL Shared ${ann} lrswite`)).at(-1)!, / OK /);
    client.close();
    const byImap = await imap(server);
    assert.match((await byImap.ask('LIST "" *')).join('\n'), /bob@example\.org\/Shared/);
    byImap.close();
    const phone = phoneOf(server, '16.1');
    await phone.setUp();
    assert.equal(
      [...phone.folders.values()].some(({ name }) => name.includes('Shared')),
      false,
    );
    assert.equal(phone.in(phone.folder(trashType)).size, 0);
  });

  it('[MS-ASPROV] 3.1.5.2.3: is wiped by an administrator alone, not by its owner', async () => {
    await using server = await start();
    const phone = phoneOf(server, '16.1');
    await phone.setUp();
    const web = webClient(server);
    const { cookie } = await web.logIn({ name: ann, password });
    const authorization = `Basic ${Buffer.from(`${ann}:${password}`).toString('base64')}`;
    const body = { account: ann, device: 'phone1' };
    assert.equal(
      (await web.ask('/postrider/account/v1/me', { cookie, body: {} })).status,
      200,
      'who is logged in',
    );
    for (const name of ['deviceWipe', 'deviceBlock', 'deviceRemove']) {
      for (const path of ['v1', 'account/v1']) {
        const { status } = await web.ask(`/postrider/${path}/${name}`, { cookie, body });
        assert.ok([401, 403, 404].includes(status), `${path}/${name}: ${status}`);
      }
      const byPassword = await fetch(`${urlOf(server)}/postrider/v1/${name}`, {
        ...{ method: 'POST', body: JSON.stringify(body) },
        headers: { authorization, 'content-type': 'application/json' },
      });
      assert.ok([401, 403].includes(byPassword.status), `${name}: ${byPassword.status}`);
    }
    const [device] = await Array.fromAsync(server.server.operations.deviceList({}));
    assert.equal(device!.state, 'ready');
  });
});
