import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { openStores } from '../../store/open-stores.ts';
import { DeviceBook, forgetDevices } from './device-book.ts';

const account = 'ann@example.org';
const yearMs = 365 * 24 * 60 * 60_000;
const phone = (id: string) => ({ account, id, type: 'x', agent: 'x', version: '16.1' }) as const;

it('a device that is blocked, or is to be wiped, stays so however long it is switched off', async () => {
  const clock = new FakeClock();
  await using stores = await openStores({ directory: ':memory:', log: silentLog, clock });
  const book = new DeviceBook({ records: stores.records, clock });
  for (const id of ['lost', 'blocked', 'usual', 'found']) await book.seen(phone(id));
  await book.change(phone('lost'), { wipe: 'device' });
  await book.change(phone('blocked'), { blocked: true });
  await book.change(phone('found'), { wipe: 'device' });
  await book.change(phone('found'), { wipe: undefined });
  await clock.advance(yearMs);
  assert.equal((await book.find(account, 'lost'))?.wipe, 'device');
  assert.equal((await book.find(account, 'blocked'))?.blocked, true);
  assert.equal(await book.find(account, 'usual'), undefined);
  assert.equal(await book.find(account, 'found'), undefined);
});

it('whoever gets the address of an account next has nothing of its devices', async () => {
  const clock = new FakeClock();
  await using stores = await openStores({ directory: ':memory:', log: silentLog, clock });
  const book = new DeviceBook({ records: stores.records, clock });
  const other = { ...phone('lost'), account: 'ann@example.org.test' };
  await book.seen(phone('lost'));
  await book.seen(other);
  await book.change(phone('lost'), { wipe: 'device', blocked: true });
  await forgetDevices(stores.records, account);
  assert.deepEqual(
    (await book.list(undefined)).map((each) => each.account),
    [other.account],
  );
});
