import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { openStores } from '../store/open-stores.ts';
import { Caps } from './caps.ts';
import { CaughtMail } from './caught-mail.ts';

async function catching(messagesMax: number, ageMsMax?: number) {
  const clock = new FakeClock();
  const stores = await openStores({ directory: ':memory:', log: silentLog, clock });
  const { folders, spool } = stores;
  const caps = new Caps({ folders, messagesMax, ageMsMax, clock, log: silentLog });
  const mail = new CaughtMail({ folders, spool, account: undefined, now: () => clock.now() });
  const add = (subject: string) =>
    mail.add(Buffer.from(`Subject: ${subject}\r\n\r\n`), ['ann@example.org', 'bob@example.org']);
  const subjects = async () =>
    (await mail.page([], 0, 1000)).mails.map(({ digest }) => digest.envelope.subject);
  return {
    ...{ clock, add, subjects, mail },
    async [Symbol.asyncDispose]() {
      await caps[Symbol.asyncDispose]();
      await stores[Symbol.asyncDispose]();
    },
  };
}

describe('how much is kept of what is caught', () => {
  it('the oldest go when there are too many, wherever their copies lie', async () => {
    await using test = await catching(3);
    for (const subject of ['1', '2', '3', '4', '5']) {
      await test.clock.advance(10);
      await test.add(subject);
    }
    assert.equal((await test.subjects()).length, 5);
    await test.clock.advance(5_000);
    assert.deepEqual(await test.subjects(), ['5', '4', '3']);
    await test.add('6');
    await test.clock.advance(5_000);
    assert.deepEqual(await test.subjects(), ['6', '5', '4']);
  });

  it('and what is old enough goes, though nothing comes', async () => {
    await using test = await catching(100, 3_600_000);
    await test.add('old');
    await test.clock.advance(3_000_000);
    await test.add('new');
    await test.clock.advance(500_000);
    assert.deepEqual(await test.subjects(), ['new', 'old']);
    await test.clock.advance(300_000);
    assert.deepEqual(await test.subjects(), ['new']);
  });
});
