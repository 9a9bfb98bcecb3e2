// Random changes of folders against a model that is a few arrays: what is in each folder, what changed
// since, what is gone, and what the folders say of themselves.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '../../../base/fake-clock.ts';
import { silentLog } from '../../../base/log.ts';
import { fc } from '../../../base/test-properties.ts';
import { text } from '../../conformance/harness.ts';
import type { FolderStore } from '../../folder-store.ts';
import { MemoryDisk, openSqliteStores } from '../stores.ts';

const ann = 'ann@example.org';
const paths = ['INBOX', 'Sent', 'Junk'] as const;
const bits = new Map([
  ...([
    ['\\Seen', 1],
    ['\\Answered', 2],
    ['\\Flagged', 4],
    ['\\Deleted', 8],
  ] as const),
]);

interface ModelMail {
  readonly uid: number;
  readonly body: string;
  readonly flags: ReadonlySet<string>;
}

interface ModelFolder {
  next: number;
  mails: ModelMail[];
}

type Step =
  | { readonly kind: 'append'; readonly to: number; readonly bodies: readonly string[] }
  | {
      readonly kind: 'copy' | 'move';
      readonly from: number;
      readonly to: number;
      readonly pick: number;
    }
  | {
      readonly kind: 'add' | 'remove' | 'replace';
      readonly from: number;
      readonly pick: number;
      readonly flags: readonly string[];
    }
  | { readonly kind: 'expunge'; readonly from: number; readonly pick: number | undefined }
  | { readonly kind: 'restart' };

const folder = fc.nat(2);
/** A bit for each of the first UIDs. */
const pick = fc.nat(0xfff);
const flags = fc.subarray(['\\Seen', '\\Flagged', '\\Deleted', '\\Deleted', 'todo', 'later']);

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('append' as const),
    to: folder,
    bodies: fc.array(fc.constantFrom('apple pie', 'pineapple', 'pear'), {
      minLength: 1,
      maxLength: 3,
    }),
  }),
  fc.record({
    kind: fc.constantFrom('copy' as const, 'move' as const),
    from: folder,
    to: folder,
    pick,
  }),
  fc.record({
    kind: fc.constantFrom('add' as const, 'remove' as const, 'replace' as const),
    ...{ from: folder, pick, flags },
  }),
  fc.record({
    kind: fc.constant('expunge' as const),
    from: folder,
    pick: fc.option(pick, { nil: undefined }),
  }),
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'restart' }) },
);

const picked = (mask: number): number[] =>
  Array.from({ length: 12 }, (_, i) => i + 1).filter((uid) => (mask & (1 << (uid - 1))) !== 0);

class Model {
  readonly folders: readonly ModelFolder[] = paths.map(() => ({ next: 1, mails: [] }));

  apply(step: Exclude<Step, { kind: 'restart' }>): void {
    switch (step.kind) {
      case 'append':
        for (const body of step.bodies) this.#add(step.to, body, new Set());
        return;
      case 'copy':
      case 'move': {
        const uids = new Set(picked(step.pick));
        const from = this.folders[step.from]!;
        const sources = from.mails.filter(({ uid }) => uids.has(uid));
        for (const { body, flags } of sources) this.#add(step.to, body, flags);
        if (step.kind === 'move') from.mails = from.mails.filter((mail) => !sources.includes(mail));
        return;
      }
      case 'expunge': {
        const uids = step.pick === undefined ? undefined : new Set(picked(step.pick));
        const from = this.folders[step.from]!;
        from.mails = from.mails.filter(
          ({ uid, flags }) => !flags.has('\\Deleted') || uids?.has(uid) === false,
        );
        return;
      }
      default: {
        const uids = new Set(picked(step.pick));
        const from = this.folders[step.from]!;
        from.mails = from.mails.map((mail) =>
          uids.has(mail.uid) ? { ...mail, flags: changedSet(mail.flags, step) } : mail,
        );
      }
    }
  }

  #add(to: number, body: string, flags: ReadonlySet<string>): void {
    const folder = this.folders[to]!;
    folder.mails.push({ uid: folder.next, body, flags });
    folder.next += 1;
  }
}

function changedSet(
  before: ReadonlySet<string>,
  {
    kind,
    flags,
  }: { readonly kind: 'add' | 'remove' | 'replace'; readonly flags: readonly string[] },
): ReadonlySet<string> {
  if (kind === 'replace') return new Set(flags);
  if (kind === 'add') return new Set([...before, ...flags]);
  return new Set([...before].filter((flag) => !flags.includes(flag)));
}

async function applyTo(folders: FolderStore, ids: readonly number[], step: Step): Promise<void> {
  switch (step.kind) {
    case 'restart':
      return;
    case 'append': {
      const mails = step.bodies.map((body) => ({
        ...{ content: text(`\r\n${body}`), flags: [], received: 0 },
      }));
      await folders.append(ids[step.to]!, mails);
      return;
    }
    case 'copy':
    case 'move':
      await folders[step.kind](ids[step.from]!, picked(step.pick), ids[step.to]!);
      return;
    case 'expunge':
      await folders.expunge(
        ids[step.from]!,
        step.pick === undefined ? undefined : picked(step.pick),
      );
      return;
    default: {
      const { kind, flags } = step;
      await folders.store(ids[step.from]!, picked(step.pick), { kind, flags });
    }
  }
}

async function assertSame(folders: FolderStore, id: number, model: ModelFolder): Promise<void> {
  const { folder: facts, messages } = (await folders.snapshot(id))!;
  const shown = Array.from(messages.uid, (uid, i) => {
    const words = messages.keywordSets[messages.keywords[i]!]!.split(' ').filter(Boolean);
    const system = [...bits].filter(([, bit]) => (messages.flags[i]! & bit) !== 0);
    return [uid, messages.size[i], [...system.map(([flag]) => flag), ...words].sort()];
  });
  assert.deepEqual(
    shown,
    model.mails.map(({ uid, body, flags }) => [uid, body.length + 2, [...flags].sort()]),
  );
  const having = (flag: string) => model.mails.filter(({ flags }) => flags.has(flag)).length;
  assert.deepEqual(
    [facts.uidNext, facts.messages, facts.unseen, facts.deleted],
    [model.next, model.mails.length, model.mails.length - having('\\Seen'), having('\\Deleted')],
  );
  const apples = model.mails.filter(({ body }) => body.includes('apple')).map(({ uid }) => uid);
  assert.deepEqual([...(await folders.search(id, { kind: 'body', text: 'apple' }))], apples);
}

it('folders are what a plain model says, and changes() tells how they came to be so', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const disk = new MemoryDisk();
      const clock = new FakeClock();
      const open = () => openSqliteStores({ directory: ':memory:', disk, clock, log: silentLog });
      let stores = await open();
      await stores.folders.ensure(ann);
      const ids = await Promise.all(
        paths.map(async (path) => (await stores.folders.find(ann, path))!.id),
      );
      const model = new Model();
      for (const one of steps) {
        const before = await Promise.all(ids.map((id) => stores.folders.snapshot(id)));
        if (one.kind === 'restart') stores = await open();
        else model.apply(one);
        await applyTo(stores.folders, ids, one);
        for (const [i, id] of ids.entries()) {
          await assertSame(stores.folders, id, model.folders[i]!);
          const { folder: was, messages: old } = before[i]!;
          const after = (await stores.folders.snapshot(id))!;
          const { changed, vanished } = (await stores.folders.changes(id, was.modseq))!;
          const there = new Set(after.messages.uid);
          assert.deepEqual(
            [...vanished],
            [...old.uid].filter((uid) => !there.has(uid)),
          );
          const fresh = [...after.messages.uid].filter(
            (_, at) => after.messages.modseq[at]! > was.modseq,
          );
          assert.deepEqual([...changed.uid], fresh);
          assert.ok(after.folder.modseq >= was.modseq);
        }
      }
      await stores[Symbol.asyncDispose]();
      disk.database.close();
    }),
    { numRuns: 60 },
  );
});
