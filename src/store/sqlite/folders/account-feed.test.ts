// Random changes of two accounts' mail: what the feed tells since any earlier state is what two
// snapshots say, in one answer or page by page while everything goes on changing.

import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { it } from 'node:test';
import { FakeClock } from '../../../base/fake-clock.ts';
import { silentLog } from '../../../base/log.ts';
import { fc } from '../../../base/test-properties.ts';
import { text } from '../../conformance/harness.ts';
import type { AccountChanges, FolderStore } from '../../folder-store.ts';
import { tombstonesMax } from '../../folders/folder-limits.ts';
import { emailId, mailboxId } from '../../object-id.ts';
import { prepareDatabase } from '../database.ts';
import { openSqliteStores } from '../stores.ts';
import { AccountFeed } from './account-feed.ts';
import { ChangeLog } from './change-log.ts';

const ann = 'ann@example.org';
const bob = 'bob@example.org';
const accounts = [ann, bob] as const;
const names = ['INBOX', 'Sent', 'a', 'b', 'a/x'] as const;

type Step =
  | { readonly kind: 'append' | 'deliver'; readonly to: number; readonly count: number }
  | {
      readonly kind: 'copy' | 'move' | 'replace';
      readonly from: number;
      readonly to: number;
      readonly pick: number;
    }
  | {
      readonly kind: 'store' | 'expunge' | 'remove';
      readonly from: number;
      readonly pick: number;
      readonly flag: string;
    }
  | {
      readonly kind: 'create' | 'delete' | 'subscribe' | 'unsubscribe' | 'share' | 'note' | 'look';
      readonly at: number;
    }
  | { readonly kind: 'rename'; readonly at: number; readonly name: number };

// Bits: the name, and above it the account.
const place = fc.nat(2 * names.length - 1);
const pick = fc.nat(0xff);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('append' as const, 'deliver' as const),
    to: place,
    count: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({
    kind: fc.constantFrom('copy' as const, 'move' as const, 'replace' as const),
    from: place,
    to: place,
    pick,
  }),
  fc.record({
    kind: fc.constantFrom('store' as const, 'expunge' as const, 'remove' as const),
    ...{ from: place, pick, flag: fc.constantFrom('\\Seen', '\\Deleted', 'todo') },
  }),
  fc.record({
    kind: fc.constantFrom(
      ...(['create', 'delete', 'subscribe', 'unsubscribe', 'share', 'note', 'look'] as const),
    ),
    at: place,
  }),
  fc.record({ kind: fc.constant('rename' as const), at: place, name: fc.nat(names.length - 1) }),
);

const nameAt = (at: number) =>
  [accounts[Math.floor(at / names.length)]!, names[at % names.length]!] as const;
const picked = (mask: number) =>
  Array.from({ length: 8 }, (_, i) => i + 1).filter((uid) => mask & (1 << (uid - 1)));
const mail = { content: text('Subject: x\r\n\r\nx'), flags: [], received: 0 };

/** What the names lead to; 0, which is no folder, where there is none. */
async function apply(folders: FolderStore, step: Step): Promise<void> {
  const at = async (where: number) => (await folders.find(...nameAt(where)))?.id ?? 0;
  switch (step.kind) {
    case 'append':
      await folders.append(await at(step.to), Array(step.count).fill(mail));
      return;
    case 'deliver': {
      const [account, folder] = nameAt(step.to);
      await folders.deliver({ ...mail, account, folder, prefix: '' });
      return;
    }
    case 'copy':
    case 'move':
      await folders[step.kind](await at(step.from), picked(step.pick), await at(step.to));
      return;
    case 'replace':
      await folders.replace(
        await at(step.from),
        picked(step.pick)[0] ?? 1,
        await at(step.to),
        mail,
      );
      return;
    case 'store':
      await folders.store(await at(step.from), picked(step.pick), {
        kind: 'add',
        flags: [step.flag],
      });
      return;
    case 'expunge':
      await folders.expunge(await at(step.from));
      return;
    case 'remove':
      await folders.removeMessages(await at(step.from), picked(step.pick));
      return;
    case 'rename':
      await folders.rename(...nameAt(step.at), names[step.name]!);
      return;
    case 'create':
      await folders.create(...nameAt(step.at), undefined);
      return;
    case 'delete':
      await folders.remove(...nameAt(step.at));
      return;
    case 'subscribe':
    case 'unsubscribe':
      await folders.subscribe(...nameAt(step.at), step.kind === 'subscribe');
      return;
    case 'share':
      await folders.setAcl(await at(step.at), 'anyone', 'lr');
      return;
    case 'note':
      await folders.annotate(
        nameAt(step.at)[0],
        await at(step.at),
        new Map([['/shared/x', Buffer.from('x')]]),
      );
      return;
    case 'look':
      await folders.leaveRecent(await at(step.at), 100);
  }
}

interface Snapshot {
  readonly state: string;
  /** What a client sees of each, by id. */
  readonly emails: ReadonlyMap<string, string>;
  readonly folders: ReadonlyMap<string, string>;
  /** Without what its messages say of it. */
  readonly bare: ReadonlyMap<string, string>;
}

async function snapshotOf(folders: FolderStore, account: string): Promise<Snapshot> {
  const emails = new Map<string, string>();
  const shown = new Map<string, string>();
  const bare = new Map<string, string>();
  const subscribed = await folders.subscriptions(account);
  for (const { id } of await folders.folders(account)) {
    const { folder, messages } = (await folders.snapshot(id))!;
    const { path, specialUse, messages: count, unseen } = folder;
    const own = [
      path,
      specialUse,
      subscribed.includes(path),
      ...(await folders.acl(id)),
      ...(await folders.annotations(account, id)).keys(),
    ];
    bare.set(mailboxId(id), own.join(' '));
    shown.set(mailboxId(id), [...own, count, unseen].join(' '));
    messages.email.forEach((email, i) => {
      const here = `${id}:${messages.uid[i]}:${messages.flags[i]}:${messages.keywordSets[messages.keywords[i]!]} `;
      emails.set(emailId(email), (emails.get(emailId(email)) ?? '') + here);
    });
  }
  return { state: await folders.accountState(account), emails, folders: shown, bare };
}

type Seen = ReadonlyMap<string, string>;

const changedBetween = (then: Seen, now: Seen) =>
  [...now].filter(([id, was]) => then.has(id) && then.get(id) !== was).map(([id]) => id);

/** The lists are right; of what is there then and now, what changed is told, and maybe more. */
function assertTold({ created, updated, destroyed }: AccountChanges, then: Seen, now: Seen): void {
  assert.deepEqual([...created].sort(), [...now.keys()].filter((id) => !then.has(id)).sort());
  assert.deepEqual([...destroyed].sort(), [...then.keys()].filter((id) => !now.has(id)).sort());
  for (const id of updated) assert.ok(then.has(id) && now.has(id), `${id} was and is there`);
  for (const id of changedBetween(then, now)) assert.ok(updated.includes(id), `${id} changed`);
}

it('the feed says of any two moments what two snapshots say', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      await using stores = await openSqliteStores({
        directory: ':memory:',
        clock: new FakeClock(),
        log: silentLog,
      });
      const { folders } = stores;
      const taken = new Map(accounts.map((account) => [account, [] as Snapshot[]]));
      const look = async () => {
        for (const account of accounts)
          taken.get(account)!.push(await snapshotOf(folders, account));
      };
      await Promise.all(accounts.map((account) => folders.ensure(account)));
      await look();
      for (const one of steps) {
        // A name may lead nowhere, or be taken.
        await apply(folders, one).catch(() => {});
        await look();
      }
      for (const [account, snapshots] of taken) {
        const now = snapshots.at(-1)!;
        for (const [i, then] of snapshots.entries()) {
          const next = snapshots[i + 1];
          if (next !== undefined && next.state === then.state) assert.deepEqual(next, then);
          const emails = await folders.changedEmails(account, then.state, 1000);
          assertTold(emails, then.emails, now.emails);
          const boxes = await folders.changedFolders(account, then.state, 1000);
          assertTold(boxes, then.folders, now.folders);
          if (boxes.messagesOnly) assert.deepEqual(changedBetween(then.bare, now.bare), []);
          for (const { state, hasMore, complete } of [emails, boxes])
            assert.deepEqual([state, hasMore, complete], [now.state, false, true]);
        }
      }
    }),
    { numRuns: 60 },
  );
});

it('page by page, while mail goes on changing, a client comes to have what there is', async () => {
  const pages = fc.array(
    fc.record({ limit: fc.integer({ min: 1, max: 4 }), steps: fc.array(step, { maxLength: 3 }) }),
    { maxLength: 30 },
  );
  await fc.assert(
    fc.asyncProperty(pages, async (turns) => {
      await using stores = await openSqliteStores({
        directory: ':memory:',
        clock: new FakeClock(),
        log: silentLog,
      });
      const { folders } = stores;
      const clients = accounts.map((account) => ({
        account,
        state: '',
        known: new Set<string>(),
      }));
      for (const client of clients) client.state = await folders.accountState(client.account);
      const turn = async (limit: number): Promise<boolean> => {
        let more = false;
        for (const client of clients) {
          const page = await folders.changedEmails(client.account, client.state, limit);
          assert.ok(page.complete);
          assert.ok(page.created.length + page.updated.length + page.destroyed.length <= limit);
          for (const id of [...page.created, ...page.updated]) client.known.add(id);
          for (const id of page.destroyed) client.known.delete(id);
          assert.ok(!page.hasMore || page.state !== client.state, 'it goes on');
          client.state = page.state;
          more ||= page.hasMore;
        }
        return more;
      };
      for (const { limit, steps } of turns) {
        for (const one of steps) await apply(folders, one).catch(() => {});
        await turn(limit);
      }
      while (await turn(2));
      for (const { account, state, known } of clients) {
        const now = await snapshotOf(folders, account);
        assert.deepEqual([...known].sort(), [...now.emails.keys()].sort());
        assert.equal(state, now.state);
      }
    }),
    { numRuns: 60 },
  );
});

it('remembers so many tombstones of an account, and says from where on it does not know', () => {
  const database = new DatabaseSync(':memory:');
  prepareDatabase(database, ':memory:');
  database.exec(`
    INSERT INTO mailbox (id, address, modseq) VALUES (1, '${ann}', 5), (2, '${bob}', 5);
    INSERT INTO folder (id, mailbox, path, uid_validity) VALUES (7, 2, 'INBOX', 1)`);
  const log = new ChangeLog(database);
  const feed = new AccountFeed(database);
  log.folderGoes(2, 7);
  const each = 10_000;
  const states = [feed.state(ann)];
  for (let email = 1; email <= tombstonesMax + 3 * each; email += each) {
    log.emailsGone(
      1,
      log.next(1),
      Array.from({ length: each }, (_, i) => [email + i, 0] as const),
    );
    states.push(feed.state(ann));
  }
  const last = states.length - 1;
  const answers = states.map((since) => feed.emails(ann, since, 2 * tombstonesMax));
  const known = answers.findIndex(({ complete }) => complete);
  assert.ok(known > 0 && (last - known) * each >= tombstonesMax);
  for (const [at, { complete, destroyed }] of answers.entries())
    assert.deepEqual(
      [complete, destroyed.length],
      at < known ? [false, 0] : [true, (last - at) * each],
    );
  const kept = database.prepare(
    'SELECT tombstones, (SELECT count(*) FROM tombstone WHERE mailbox = id) AS rows FROM mailbox WHERE id = ?',
  );
  const { tombstones, rows } = kept.get(1)!;
  assert.equal(tombstones, rows);
  assert.ok(Number(rows) <= tombstonesMax + each, 'it is bounded');
  assert.deepEqual(feed.folders(bob, '5', 10).destroyed, [mailboxId(7)], 'and nobody else forgets');
});
