import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { openStores } from '../store/open-stores.ts';
import { CaughtMail, withIds } from './caught-mail.ts';
import { type CaughtEvent, CaughtNews } from './caught-news.ts';

async function catching() {
  const clock = new FakeClock();
  const stores = await openStores({ directory: ':memory:', log: silentLog, clock });
  const { folders, spool } = stores;
  const mail = new CaughtMail({ folders, spool, account: undefined, now: () => clock.now() });
  const news = new CaughtNews({ folders, spool, clock, log: silentLog });
  const add = (subject: string, to = ['ann@example.org', 'bob@example.org']) =>
    mail.add(Buffer.from(`Subject: ${subject}\r\n\r\n`), to);
  const events: CaughtEvent[] = [];
  let counted = Promise.withResolvers<void>();
  const stop = async () =>
    news.listen((event) => {
      events.push(event);
      if (event.kind === 'counted') counted.resolve();
    });
  /** What was told of one change, in short. */
  const told = async (change: () => Promise<unknown>) => {
    counted = Promise.withResolvers();
    await change();
    await clock.advance(100);
    await counted.promise;
    return events.splice(0).map(short);
  };
  return {
    clock,
    mail,
    add,
    events,
    listen: stop,
    told,
    [Symbol.asyncDispose]: () => stores[Symbol.asyncDispose](),
  };
}

function short(event: CaughtEvent): string {
  switch (event.kind) {
    case 'received':
    case 'changed':
      return `${event.kind} ${event.mail.digest.envelope.subject}`;
    case 'deleted':
      return `deleted ${event.account}`;
    case 'counted':
      return `${event.page.all.messages} (${event.page.all.unseen})`;
    default:
      return event.kind;
  }
}

describe('news of caught mail', () => {
  it('a message is told once, whoever got it; then what changes of it, and that it went', async () => {
    await using test = await catching();
    await test.add('before');
    await test.listen();
    assert.deepEqual(await test.told(() => test.add('one')), ['received one', '2 (2)']);
    const { id } = (await test.mail.latest([]))!;
    assert.deepEqual(await test.told(() => test.mail.setSeen(withIds([id]), true)), [
      'changed one',
      '2 (1)',
    ]);
    assert.deepEqual(await test.told(() => test.mail.setTags(withIds([id]), ['x'])), [
      'changed one',
      '2 (1)',
    ]);
    assert.deepEqual(await test.told(() => test.mail.remove(withIds([id]))), [
      ...['deleted ann@example.org', 'deleted bob@example.org', '1 (1)'],
    ]);
  });

  it('of very many it is said that they are', async () => {
    await using test = await catching();
    await test.listen();
    const told = await test.told(async () => {
      for (let n = 0; n < 205; n += 1) await test.add(String(n), ['ann@example.org']);
    });
    assert.equal(told.filter((one) => one.startsWith('received')).length, 200);
    assert.equal(told.includes('many'), true);
    assert.deepEqual((await test.told(() => test.add('next'))).slice(0, 1), ['received next']);
  });

  it('also where each inbox alone has few of them that changed', async () => {
    await using test = await catching();
    for (const to of ['ann@example.org', 'bob@example.org'])
      for (let n = 0; n < 101; n += 1) await test.add(`${to} ${n}`, [to]);
    await test.listen();
    const told = await test.told(() => test.mail.setSeen([], true));
    assert.equal(told.filter((one) => one.startsWith('changed')).length, 200);
    assert.equal(told.includes('many'), true);
  });

  it('while nobody listens nothing is looked for, and what was missed is not told later', async () => {
    await using test = await catching();
    const stop = await test.listen();
    stop();
    await test.add('missed');
    await test.clock.advance(1000);
    assert.deepEqual(test.events, []);
    await test.listen();
    assert.deepEqual(await test.told(() => test.add('new')), ['received new', '2 (2)']);
  });
});
