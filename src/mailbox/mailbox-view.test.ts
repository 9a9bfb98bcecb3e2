import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import type { MailColumns } from '../store/folder-store.ts';
import { FolderRows } from './folder-rows.ts';
import { MailboxView, type News } from './mailbox-view.ts';

interface Mail {
  readonly uid: number;
  flags: number;
  keywords: string;
  modseq: number;
}

function columnsOf(mails: readonly Mail[]): MailColumns {
  const keywordSets = ['', ...new Set(mails.map(({ keywords }) => keywords))];
  const zeros = new Float64Array(mails.length);
  return {
    length: mails.length,
    uid: Uint32Array.from(mails, ({ uid }) => uid),
    modseq: Float64Array.from(mails, ({ modseq }) => modseq),
    flags: Uint8Array.from(mails, ({ flags }) => flags),
    keywords: Uint32Array.from(mails, ({ keywords }) => keywordSets.indexOf(keywords)),
    keywordSets,
    ...{ email: zeros, size: zeros, received: zeros, saved: zeros },
  };
}

/** What a client makes of the news; it fails on what cannot be. */
class Client {
  readonly messages: { uid: number; flags: string }[];

  constructor(rows: FolderRows) {
    this.messages = Array.from(rows.uids, (uid, row) => ({ uid, flags: rows.flagsText(row) }));
  }

  read({ expunged, exists, firstNew, changed }: News, rows: FolderRows, uids: Uint32Array): void {
    for (const { number, uid } of expunged) {
      assert.equal(this.messages[number - 1]?.uid, uid);
      this.messages.splice(number - 1, 1);
    }
    if (exists !== undefined) {
      assert.equal(firstNew, this.messages.length + 1);
      // A client fetches what it was told of.
      for (let number = firstNew; number <= exists; number += 1) {
        const uid = uids[number - 1]!;
        const row = rows.rowOf(uid);
        this.messages.push({ uid, flags: row < 0 ? '' : rows.flagsText(row) });
      }
    }
    for (const { number, uid } of changed) {
      assert.equal(this.messages[number - 1]?.uid, uid);
      this.messages[number - 1]!.flags = rows.flagsText(rows.rowOf(uid));
    }
  }
}

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('add' as const), count: fc.integer({ min: 1, max: 4 }) }),
    fc.record({
      kind: fc.constantFrom('flag' as const, 'remove' as const),
      picks: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
      flags: fc.nat(31),
      keywords: fc.constantFrom('', 'a', 'a b'),
    }),
    fc.record({
      kind: fc.constant('pull' as const),
      session: fc.nat(2),
      mayExpunge: fc.boolean(),
    }),
  ),
  { maxLength: 60 },
);

describe('MailboxView', () => {
  it('RFC 9051 §7.5: what sessions are told gives exactly the folder, and nothing twice', () => {
    fc.assert(
      fc.property(steps, (all) => {
        let modseq = 1;
        let uidNext = 1;
        let mails: Mail[] = [];
        const add = (count: number) =>
          Array.from({ length: count }, () => {
            const uid = uidNext;
            uidNext += 1 + (uid % 3);
            return { uid, flags: 0, keywords: '', modseq };
          });
        mails = add(3);
        const rows = new FolderRows(columnsOf(mails), modseq);
        const sessions = [0, 1, 2].map(() => ({
          view: new MailboxView(rows, modseq),
          client: new Client(rows),
        }));
        const pull = ({ view, client }: (typeof sessions)[number], mayExpunge: boolean) => {
          const news = view.pull(rows, modseq, mayExpunge);
          if (!mayExpunge) assert.equal(news.expunged.length, 0);
          client.read(news, rows, view.uids);
          assert.deepEqual(
            client.messages.map(({ uid }) => uid),
            [...view.uids],
          );
          for (const { uid, flags } of client.messages) {
            const row = rows.rowOf(uid);
            if (row >= 0) assert.equal(flags, rows.flagsText(row));
          }
        };
        for (const step of all) {
          if (step.kind === 'pull') {
            pull(sessions[step.session]!, step.mayExpunge);
            continue;
          }
          modseq += 1;
          let changed: Mail[] = [];
          let gone: number[] = [];
          if (step.kind === 'add') {
            changed = add(step.count);
            mails.push(...changed);
          } else if (mails.length > 0) {
            const picked = new Set(step.picks.map((pick) => mails[pick % mails.length]!));
            if (step.kind === 'flag') {
              changed = mails.filter((mail) => picked.has(mail));
              for (const mail of changed) Object.assign(mail, { ...step, modseq });
            } else {
              gone = mails.filter((mail) => picked.has(mail)).map(({ uid }) => uid);
              mails = mails.filter((mail) => !picked.has(mail));
            }
          }
          rows.apply(columnsOf(changed), Uint32Array.from(gone), modseq);
        }
        for (const session of sessions) {
          pull(session, true);
          assert.deepEqual(
            session.client.messages,
            mails.map(({ uid }, row) => ({ uid, flags: rows.flagsText(row) })),
          );
          assert.ok(session.view.isCurrent(rows, modseq));
          assert.equal(session.view.uids, rows.uids, 'the list is shared again');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('RFC 9051 §6.4.6: what was told by itself is not told again', () => {
    const mail: Mail = { uid: 5, flags: 0, keywords: '', modseq: 1 };
    const rows = new FolderRows(columnsOf([mail]), 1);
    const view = new MailboxView(rows, 1);
    Object.assign(mail, { flags: 1, modseq: 2 });
    rows.apply(columnsOf([mail]), new Uint32Array(0), 2);
    view.tellOf(5, 2);
    assert.deepEqual(view.pull(rows, 2, true).changed, []);
    Object.assign(mail, { flags: 3, modseq: 3 });
    rows.apply(columnsOf([mail]), new Uint32Array(0), 3);
    assert.deepEqual(view.pull(rows, 3, true).changed, [{ number: 1, uid: 5 }]);
  });

  it('looks at all rows when more has changed than the log remembers', () => {
    const mails = Array.from({ length: 9000 }, (_, i) => ({
      ...{ uid: i + 1, flags: 0, keywords: '', modseq: 1 },
    }));
    const rows = new FolderRows(columnsOf(mails), 1);
    const late = new MailboxView(rows, 1);
    for (let modseq = 2; modseq <= 4; modseq += 1) {
      for (const mail of mails) Object.assign(mail, { flags: modseq, modseq });
      rows.apply(columnsOf(mails), new Uint32Array(0), modseq);
    }
    assert.equal(late.pull(rows, 4, true).changed.length, 9000);
    assert.equal(late.pull(rows, 4, true).changed.length, 0);
  });
});
