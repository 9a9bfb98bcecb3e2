// Parts of the queue: by what they are about instead of by ids.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Command } from 'commander';
import { startControlServer } from '../admin/control-server.ts';
import { OperationError } from '../admin/operation.ts';
import type { Operations } from '../admin/operations.ts';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { openStores } from '../store/open-stores.ts';
import { chosenBy, filterFrom, someChosenBy, withFilter } from './queue-options.ts';
import { runCommand } from './test-command.ts';

const day = 86_400_000;

const usual = [
  ['a', 'ann@example.org', ['bob@example.net'], 3],
  ['b', 'ann@example.org', ['carl@example.com'], 0],
  ['c', 'list@example.org', ['dora@example.net'], 0],
] as const;
const toTwo = [['d', 'ann@example.org', ['eve@example.net', 'fred@example.com'], 0]] as const;

async function openQueue(
  t: { after(end: () => void): void },
  messages: typeof usual | typeof toTwo = usual,
) {
  const cwd = mkdtempSync(join(tmpdir(), 'postrider-queue-'));
  t.after(() => rmSync(cwd, { recursive: true, force: true }));
  writeFileSync(join(cwd, 'postrider.config.json'), '{"hostname":"mx.example.org"}');
  const directory = join(cwd, 'postrider-data');
  await using stores = await openStores({ directory, log: silentLog, clock: systemClock() });
  for (const [id, sender, addresses, age] of messages)
    await stores.queue.enqueue(
      {
        ...{ id, sender, params: [], received: Date.now() - age * day, prefix: '' },
        recipients: addresses.map((address) => ({
          ...{ address, params: [], delivery: 'relay' },
          destination: `mx:${address.replace(/^.*@/, '')}`,
        })),
        content: { kind: 'inline', bytes: Buffer.from('Subject: hello\r\n\r\nbody\r\n') },
        origin: { session: 's1', service: 'smtp', protocol: 'ESMTP', clientAddress: '192.0.2.1' },
        messageId: `<${id}@example.org>`,
      },
      { leaseUntil: undefined },
    );
  const queue = async (line: string) => {
    const { status, out, err } = await runCommand(cwd, `queue ${line}`);
    return status === 0 ? out : `${status} ${err}`;
  };
  return Object.assign(queue, { directory });
}

const idsOf = (lines: string): readonly string[] =>
  lines
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { id: string }).id);

/** What options mean, by day where they are about time. */
function asked(...argv: readonly string[]) {
  const command = withFilter(new Command('list')).exitOverride();
  command.configureOutput({ outputError: () => {} }).parse([...argv], { from: 'user' });
  const { since, until, ...rest } = filterFrom(command.opts()) ?? {};
  const daysAgo = (iso: string) => Math.round((Date.now() - Date.parse(iso)) / day);
  return {
    ...rest,
    ...(since !== undefined && { since: daysAgo(since) }),
    ...(until !== undefined && { until: daysAgo(until) }),
  };
}

describe('postrider queue', () => {
  it('understands what is looked for', () => {
    assert.equal(filterFrom({}), undefined);
    assert.deepEqual(asked('--sender', '', '--state', 'held'), { sender: '', state: 'held' });
    assert.deepEqual(asked('--since', '3d', '--until', '1d'), { since: 3, until: 1 });
    assert.deepEqual(asked('--destination', 'mx:a.test', '--text', 'x', '--recipient', '@b'), {
      ...{ destination: 'mx:a.test', text: 'x', recipient: '@b' },
    });
    assert.throws(() => asked('--state', 'lost'), /Allowed choices are queued/);
    assert.throws(() => asked('--since', 'yesterday'), /must be a time ago/);
    assert.deepEqual(someChosenBy([], {}), {});
    assert.deepEqual(chosenBy(['a'], { dryRun: true }), { ids: ['a'], dryRun: true });
    assert.throws(() => chosenBy([], { dryRun: true }), /say which: IDs, or options/);
    assert.throws(() => someChosenBy(['a'], { text: 'x' }), /either IDs, or options/);
  });

  it('shows, counts and changes what options hold for', async (t) => {
    const queue = await openQueue(t);
    assert.deepEqual(idsOf(await queue('list --json --sender ann@example.org')), ['a', 'b']);
    const counted = await queue('count');
    assert.match(counted, /^3 messages to 3 recipients, the oldest of \d{4}-/);
    assert.match(counted, /^ {2}3 queued\n {2}2 by MX of example.net$/m);
    for (const destination of ['example.net', 'mx:example.net'])
      assert.equal(idsOf(await queue(`list --json --destination ${destination}`)).length, 2);
    const would = await queue('hold --recipient @example.net --dry-run');
    assert.equal(would, '2 recipients would be held\n');
    assert.equal(await queue('hold --until 1d'), '1 recipient held\n');
    assert.deepEqual(idsOf(await queue('list --json --state held')), ['a']);
    const rerouted = await queue('reroute --recipient @example.net --to mx:example.com');
    assert.equal(rerouted, '2 recipients rerouted\n');
    assert.match(await queue('count --since 1d'), /^ {2}1 by MX of example\.com, by hand/m);
  });

  it('counts before as it does then: all recipients of each message that options hold for', async (t) => {
    const queue = await openQueue(t, toTwo);
    const one = '--recipient @example.net';
    assert.equal(await queue(`hold ${one} --dry-run`), '2 recipients would be held\n');
    assert.equal(await queue(`hold ${one}`), '2 recipients held\n');
    assert.equal(await queue('retry --dry-run'), '2 recipients would be tried again now\n');
  });

  it('asks before it cancels what was not named', async (t) => {
    const queue = await openQueue(t);
    const many = 'cancel --silent --sender ann@example.org';
    assert.match(
      await queue(many),
      /^2 .*Cancel 2 recipients of messages, and tell nobody\? There is no terminal to ask: repeat it with --yes/,
    );
    assert.equal(await queue(`${many} --dry-run`), '2 recipients would be cancelled silently\n');
    assert.deepEqual(idsOf(await queue('list --json')), ['a', 'b', 'c']);
    assert.equal(await queue(`${many} --yes`), '2 recipients cancelled silently\n');
    assert.equal(await queue('cancel --silent c'), '1 recipient cancelled silently\n');
  });

  it('says what is under way, and was not cancelled, or is held only if that fails', async (t) => {
    const queue = await openQueue(t);
    const states: Record<string, readonly string[]> = { a: ['active'], b: ['active', 'held'] };
    const operations = {
      queueHold: async () => 2,
      queueCancel: async () => 1,
      queueShow: async ({ id }: { id: string }) => {
        if (states[id] === undefined) throw new OperationError('it is gone');
        return {
          ...{ id, sender: '', received: '', size: 1, messageId: null, asked: [], params: [] },
          ...{ origin: { session: 's', service: 'smtp', protocol: 'ESMTP' }, header: '' },
          recipients: states[id].map((state) => ({
            ...{ address: 'a@b', original: null, delivery: 'relay', destination: 'b', state },
            ...{ waits: null, attempts: 1, nextAttempt: null, lastReply: null },
          })),
        };
      },
      queueCount: async ({ state }: { state?: string }) => ({
        recipients: state === 'active' ? 3 : 9,
        ...{ messages: 9, oldest: null, destinations: [], replies: [], complete: true },
        states: { queued: 0, deferred: 0, active: 3, held: 0 },
      }),
    } as unknown as Operations;
    const dataDirectory = queue.directory;
    await using _server = await startControlServer({ dataDirectory, operations, log: silentLog });
    assert.equal(
      await queue('hold a b'),
      '2 recipients held\n2 recipients are under way: they are held only if that fails\n',
    );
    assert.equal(
      await queue('cancel a gone'),
      '1 recipient cancelled\n1 recipient is under way: not cancelled; say it again if it comes back\n',
    );
    assert.equal(await queue('cancel gone'), '1 recipient cancelled\n');
    assert.equal(await queue('cancel a --json'), '{"recipients":1,"underWay":1}\n');
    assert.match(
      await queue('hold --sender x@y'),
      /^2 recipients held\n3 recipients are under way/,
    );
    assert.equal(await queue('hold --state held'), '2 recipients held\n');
  });
});
