import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { withoutPostgres } from '../store/postgres/test-cluster.ts';
import { openTwo } from '../store/postgres/test-two-nodes.ts';
import { digestOf, joinKeySets, readKeySets } from '../trust/dkim-key-sets.ts';
import { activateKeys, createKeys, readIndex, recordOf } from '../trust/dkim-keys.ts';
import type { SharedKeysParts } from './shared-keys.ts';
import { planOf, SharedKeys } from './shared-keys.ts';

const home = mkdtempSync(join(tmpdir(), 'postrider-shared-keys-'));
after(() => rmSync(home, { recursive: true, force: true }));
const folder = (): string => join(mkdtempSync(join(home, 'node-')), 'dkim');

const day = (date: number) => new Date(Date.UTC(2026, 10, date));
const domain = 'example.org';

/** The keys of a domain, as a node has them that made them on this day of the month. */
function keysOf(date: number): string {
  const directory = folder();
  createKeys(directory, { domain, state: 'active', now: day(date) });
  return readKeySets(directory).get(domain)!;
}

describe('what is taken and told of keys', () => {
  const [first, second] = [keysOf(1), keysOf(2)];
  const set = (text: string | undefined) => new Map(text === undefined ? [] : [[domain, text]]);
  const both = joinKeySets(domain, second, first);
  for (const [title, here, shared, agreed, result] of [
    ['made here', first, undefined, undefined, [undefined, first]],
    ['made elsewhere', undefined, first, undefined, [first, undefined]],
    ['the same', first, first, undefined, [undefined, undefined]],
    ['changed here', second, first, first, [undefined, second]],
    ['changed elsewhere', first, second, first, [second, undefined]],
    ['changed at both', first, second, 'another', [both, both]],
    ['files deleted here', undefined, first, first, [first, undefined]],
  ] as const)
    it(title, () => {
      const base = new Map(agreed === undefined ? [] : [[domain, digestOf(agreed)]]);
      const { taken, told, agreed: now } = planOf(set(here), set(shared), base);
      assert.deepEqual([taken.get(domain), told.get(domain)], result);
      const final = result[0] ?? result[1] ?? first;
      assert.equal(now.get(domain), digestOf(final));
    });

  it('of two keys of one name all keep the one that was told first', () => {
    const other = keysOf(1);
    assert.equal(joinKeySets(domain, first, other), first);
    assert.equal(joinKeySets(domain, other, first), other);
  });
});

it('of two changes at once the looks come one after the other', async () => {
  let changed = () => {};
  let [looking, most, looks] = [0, 0, 0];
  const list = async () => {
    looking += 1;
    looks += 1;
    most = Math.max(most, looking);
    await new Promise((resolve) => setImmediate(resolve));
    // Due again, so that whoever comes next looks, too.
    if (looks < 4) changed();
    looking -= 1;
    return [];
  };
  const watch = (_: string, listener: () => void) => {
    changed = listener;
    return () => {};
  };
  const stores = { records: { list, watch }, nodes: {} } as unknown as SharedKeysParts['stores'];
  const clock = new FakeClock();
  using keys = new SharedKeys({ stores, directory: folder(), clock, log: silentLog });
  const started = keys.start();
  changed();
  changed();
  await started;
  await clock.advance(10_000);
  assert.ok(looks >= 4);
  assert.equal(most, 1);
});

it('keys that are made while it looks are told at the next look', async () => {
  const directory = folder();
  createKeys(directory, { domain, state: 'active', now: day(1) });
  const told = readKeySets(directory).get(domain)!;
  const put: string[] = [];
  let isMade = false;
  const records = {
    async list() {
      // The files have been read by now.
      if (!isMade) createKeys(directory, { domain, state: 'next', now: day(2) });
      isMade = true;
      return [{ kind: 'dkim-keys', key: domain, value: told }];
    },
    put: async (list: readonly { readonly value: string }[]) => {
      put.push(...list.map(({ value }) => value));
    },
    watch: () => () => {},
  };
  const nodes = { inTurn: async (_: string, work: (turn: unknown) => unknown) => work({}) };
  const stores = { records, nodes } as unknown as SharedKeysParts['stores'];
  const clock = new FakeClock();
  using keys = new SharedKeys({ stores, directory, clock, log: silentLog });
  await keys.start();
  assert.deepEqual(put, []);
  await clock.advance(5_000);
  assert.deepEqual(put, [readKeySets(directory).get(domain)]);
});

describe('keys of several nodes', { skip: withoutPostgres() }, () => {
  it('are the same at all, whoever makes, rotates or already has them', async () => {
    await using test = await openTwo();
    const [here, there] = [folder(), folder()];
    createKeys(here, { domain, state: 'active', now: day(1) });
    const open = (stores: typeof test.one, directory: string) =>
      new SharedKeys({ stores, directory, clock: test.clock, log: silentLog });
    using one = open(test.one, here);
    using two = open(test.two, there);
    await one.start();
    await two.start();
    const records = (directory: string) =>
      readIndex(directory).map((entry) => ({ ...entry, ...recordOf(directory, entry) }));
    assert.deepEqual(records(there), records(here), 'a node that comes has them before it signs');
    createKeys(there, { domain, state: 'next', now: day(2) });
    const same = () =>
      test.eventually(async () => {
        await test.clockOfOne.advance(1000);
        return readKeySets(here).get(domain) === readKeySets(there).get(domain);
      });
    await same();
    assert.equal(readIndex(here).length, 4);
    activateKeys(here, { domain, now: day(3) });
    await same();
    assert.deepEqual(
      readIndex(there)
        .map(({ state }) => state)
        .toSorted(),
      ['active', 'active', 'retired', 'retired'],
    );
    // Long after, what was retired goes, everywhere.
    createKeys(there, { domain, state: 'next', now: day(4) });
    activateKeys(there, { domain, now: new Date(Date.UTC(2027, 1, 1)) });
    await same();
    assert.equal(readIndex(here).length, 4);
    const copied = folder();
    cpSync(there, copied, { recursive: true });
    rmSync(join(copied, 'shared.json'));
    const before = readFileSync(join(copied, 'keys.json'), 'utf8');
    using three = open(test.one, copied);
    await three.start();
    assert.equal(readFileSync(join(copied, 'keys.json'), 'utf8'), before);
  });
});
