import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { DeviceBook } from '../access/activesync/device-book.ts';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { openStores } from '../store/open-stores.ts';
import { runCommand } from './test-command.ts';

const cwd = mkdtempSync(join(tmpdir(), 'postrider-device-'));
after(() => rmSync(cwd, { recursive: true }));
const directory = join(cwd, 'data');
writeFileSync(
  join(cwd, 'postrider.config.json'),
  JSON.stringify({
    ...{ hostname: 'mx.example.org', domains: ['example.org'], dataDirectory: directory },
  }),
);
const ann = 'ann@example.org';
const run = (line: string, input = '') => runCommand(cwd, line, { input });

/** Phones that have asked once, by name and version. */
async function phones(...all: readonly (readonly [id: string, version: string])[]): Promise<void> {
  const clock = systemClock();
  await using stores = await openStores({ directory, log: silentLog, clock });
  const book = new DeviceBook({ records: stores.records, clock });
  for (const [id, version] of all)
    await book.seen({ account: ann, id, version, type: 'iPhone', agent: 'Apple-iPhone' });
}

const states = async () =>
  (await run(`device list ${ann}`)).out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(/ {2,}/))
    .map(([account, id, , version, state]) => [account, id, version, state].join(' '));

it('device: lists, blocks, wipes by an explicit word, and removes phones', async () => {
  await run(`account add ${ann} --password-stdin`, 'correct horse battery\n');
  assert.match((await run('device list')).err, /no devices/);
  await phones(['new1', '16.1'], ['old1', '14.1']);
  assert.deepEqual(await states(), [`${ann} new1 16.1 new`, `${ann} old1 14.1 new`]);

  assert.equal((await run(`device block ${ann} new1`)).out, 'new1 is blocked\n');
  assert.equal((await states())[0], `${ann} new1 16.1 blocked`);
  assert.equal((await run(`device unblock ${ann} new1 --json`)).out, '{"unblocked":"new1"}\n');
  assert.equal((await states())[0], `${ann} new1 16.1 new`);

  const unsure = await run(`device wipe ${ann} new1`);
  assert.deepEqual([unsure.status, /repeat it with --yes/.test(unsure.err)], [2, true]);
  assert.equal((await states())[0], `${ann} new1 16.1 new`, 'nothing is wiped without a word');
  assert.equal((await run(`device wipe ${ann} new1 --yes`)).status, 0);
  assert.equal((await states())[0], `${ann} new1 16.1 wiping`);
  assert.equal((await run(`device wipe ${ann} new1 --cancel`)).status, 0);
  assert.equal((await states())[0], `${ann} new1 16.1 new`);

  const less = await run(`device wipe ${ann} old1 --yes`);
  assert.notEqual(less.status, 0);
  assert.match(less.err, /can only be wiped whole/);
  assert.equal((await run(`device wipe ${ann} old1 --whole-device --yes`)).status, 0);
  assert.equal((await states())[1], `${ann} old1 14.1 wiping`);

  assert.equal((await run(`device remove ${ann} old1`)).status, 0);
  assert.deepEqual(await states(), [`${ann} new1 16.1 new`]);
  assert.match((await run(`device remove ${ann} old1`)).err, /has no device old1/);
  assert.match((await run('device list bob@example.org')).err, /no account bob/);
});
