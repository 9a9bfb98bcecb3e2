// Drafts of a phone whose answers are lost.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startTestServer } from '../../src/testing/index.ts';
import { collectionIn, Phone } from './phone.ts';
import type { Node } from './wire.ts';
import { at, childrenOf, text } from './wire.ts';

const password = 'correct horse battery';
const ann = 'ann@example.org';
const local = { host: '127.0.0.1', port: 0 } as const;

const commands = (...all: readonly Node[]): Node => ['AirSync:Commands', ...all];
const change = (id: string, ...data: readonly Node[]): Node => [
  'AirSync:Change',
  ['AirSync:ServerId', id],
  ['AirSync:ApplicationData', ...data],
];
const add = (clientId: string, ...data: readonly Node[]): Node => [
  'AirSync:Add',
  ['AirSync:ClientId', clientId],
  ['AirSync:ApplicationData', ...data],
];
const subject = (words: string): Node => ['Email:Subject', words];
const html = (words: string): Node => [
  'AirSyncBase:Body',
  ['AirSyncBase:Type', '2'],
  ['AirSyncBase:Data', words],
];
const file = (name: string, ...more: readonly Node[]): Node => [
  'AirSyncBase:Add',
  ['AirSyncBase:ClientId', name],
  ['AirSyncBase:DisplayName', name],
  ['AirSyncBase:ContentType', 'image/png'],
  ['AirSyncBase:Method', '1'],
  ['AirSyncBase:Content', Buffer.from(name)],
  ...more,
];

async function start() {
  const server = await startTestServer({
    accounts: [{ address: ann, password }],
    config: {
      domains: ['example.org'],
      activeSync: {},
      listeners: [{ service: 'http', ...local }],
    },
  });
  const { port } = server.listeners[0]!;
  const phone = new Phone({
    url: `http://127.0.0.1:${port}`,
    user: ann,
    password,
    version: '16.1',
  });
  await phone.setUp();
  const drafts = phone.folder('3');
  await phone.sync(drafts);
  return { phone, drafts, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

describe('drafts', () => {
  it('one that is changed anew since the answer was lost stays what it is', async () => {
    await using world = await start();
    const { phone, drafts } = world;
    const ask = async (...all: readonly Node[]) =>
      (await phone.ask('Sync', phone.request(drafts, [commands(...all)]))).doc!;
    const first = await phone.syncOnce(drafts, [commands(add('d1', subject('one')))]);
    const id = text(
      collectionIn(first, drafts, 'AirSync:Responses'),
      ...['AirSync:Add', 'AirSync:ServerId'],
    )!;
    const mail = {
      ...{ subject: 'one', read: true, flagged: false, categories: [], verb: '0', body: '' },
      data: ['AirSync:ApplicationData'] as const,
    };
    phone.in(drafts).set(id, mail);
    for (let times = 0; times < 2; times += 1) {
      await ask(change(id, subject('two')));
      phone.take(await ask(change(id, subject('three'))));
      await phone.sync(drafts);
      assert.deepEqual([...phone.in(drafts).keys()], [id]);
    }
    // Nor does it go when the change that was lost is given up.
    await ask(change(id, subject('four')));
    phone.take((await phone.ask('Sync', phone.request(drafts))).doc!);
    await phone.sync(drafts);
    assert.deepEqual([...phone.in(drafts).keys()], [id]);
  });

  it('a file and a picture that are added are told apart', async () => {
    await using world = await start();
    const { phone, drafts } = world;
    const named = async (command: Node) => {
      const answer = await phone.syncOnce(drafts, [commands(command)]);
      const [said] = childrenOf(collectionIn(answer, drafts, 'AirSync:Responses'));
      const id = text(said, 'AirSync:ServerId')!;
      const files = at(said, 'AirSync:ApplicationData', 'AirSyncBase:Attachments');
      return {
        id,
        names: childrenOf(files).map((each) => [
          text(each, 'AirSyncBase:ClientId'),
          text(each, 'AirSyncBase:DisplayName'),
        ]),
      };
    };
    const picture = (name: string) =>
      file(name, ['AirSyncBase:IsInline', '1'], ['AirSyncBase:ContentId', `${name}@here`]);
    const first = await named(
      add('d1', html('<p>See</p>'), [
        'AirSyncBase:Attachments',
        file('a'),
        picture('b'),
        file('c'),
      ]),
    );
    assert.deepEqual(first.names.sort(), [
      ['a', 'a'],
      ['b', 'b'],
      ['c', 'c'],
    ]);
    const second = await named(change(first.id, ['AirSyncBase:Attachments', picture('d')]));
    assert.deepEqual(second.names, [['d', 'd']]);
  });
});
