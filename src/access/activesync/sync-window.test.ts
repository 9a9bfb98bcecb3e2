import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UidSet } from '../../activesync/uid-set.ts';
import { fc } from '../../base/test-properties.ts';
import { FolderRows } from '../../mailbox/folder-rows.ts';
import type { MailColumns } from '../../store/folder-store.ts';
import type { CollectionState } from './collection-book.ts';
import { nothingKnown } from './collection-book.ts';
import type { FolderNews } from './sync-window.ts';
import { needsAll, stateAfter, toTell } from './sync-window.ts';

interface Mail {
  readonly uid: number;
  modseq: number;
  received: number;
  isDeleted: boolean;
}

const columnsOf = (mails: readonly Mail[]): MailColumns => ({
  length: mails.length,
  uid: Uint32Array.from(mails, ({ uid }) => uid),
  email: new Float64Array(mails.length),
  modseq: Float64Array.from(mails, ({ modseq }) => modseq),
  flags: Uint8Array.from(mails, ({ isDeleted }) => (isDeleted ? 8 : 0)),
  keywords: new Uint32Array(mails.length),
  keywordSets: [''],
  size: new Float64Array(mails.length),
  received: Float64Array.from(mails, ({ received }) => received),
  saved: new Float64Array(mails.length),
});

/** A folder whose feed remembers everything. */
class Folder {
  readonly mails: Mail[] = [];
  readonly #gone: { readonly uid: number; readonly modseq: number }[] = [];
  modseq = 1;
  #uid = 0;

  add(received: number): void {
    this.modseq += 1;
    this.#uid += 1;
    this.mails.push({ uid: this.#uid, modseq: this.modseq, received, isDeleted: false });
  }

  change(at: number, isDeleted?: boolean): void {
    const mail = this.mails[at % Math.max(1, this.mails.length)];
    if (mail === undefined) return;
    this.modseq += 1;
    mail.modseq = this.modseq;
    mail.isDeleted = isDeleted ?? mail.isDeleted;
  }

  remove(at: number): void {
    const [mail] = this.mails.splice(at % Math.max(1, this.mails.length), 1);
    if (mail === undefined) return;
    this.modseq += 1;
    this.#gone.push({ uid: mail.uid, modseq: this.modseq });
  }

  news(state: CollectionState, all: boolean): FolderNews {
    const { modseq } = this;
    if (all) {
      const columns = new FolderRows(columnsOf(this.mails), modseq);
      return { modseq, all, columns, vanished: new Uint32Array(0) };
    }
    const gone = this.#gone.filter((each) => each.modseq > state.modseq).map(({ uid }) => uid);
    const changed = this.mails.filter((each) => each.modseq > state.modseq);
    return { modseq, all, columns: columnsOf(changed), vanished: Uint32Array.from(gone.sort()) };
  }
}

/** What a device has: UIDs and the modseq that it was told of. */
class Device {
  readonly has = new Map<number, number>();
  state: CollectionState = { ...nothingKnown, filterType: 0 };

  sync(folder: Folder, window: number, oldest = 0): boolean {
    const wanted = { filterType: 0, oldest, own: new Map<number, number>() };
    const news = folder.news(this.state, needsAll(this.state, wanted));
    const found = toTell(this.state, news, wanted);
    const sent = found.slice(0, window);
    for (const told of sent) {
      if (told.kind === 'add') assert.equal(this.has.has(told.uid), false, `${told.uid} is new`);
      else assert.ok(this.has.has(told.uid), `${told.uid} is there`);
      if ('row' in told) this.has.set(told.uid, news.columns.modseq[told.row]!);
      else this.has.delete(told.uid);
    }
    const after = stateAfter(this.state, { news, wanted, found, sent });
    const text = (set: UidSet) => UidSet.parse(set.toString());
    this.state = { ...after, has: text(after.has), told: text(after.told) };
    return found.length > sent.length;
  }
}

describe('what a device is told of a folder', () => {
  it('is, after any changes and in windows of any size, what the folder has', () => {
    const step = fc.record({
      what: fc.constantFrom('add', 'add', 'change', 'remove', 'mark', 'unmark', 'sync', 'sync'),
      at: fc.nat(30),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 120 }),
        fc.integer({ min: 1, max: 5 }),
        (steps, window) => {
          const [folder, device] = [new Folder(), new Device()];
          for (const { what, at } of steps) {
            if (what === 'add') folder.add(at);
            else if (what === 'change') folder.change(at);
            else if (what === 'remove') folder.remove(at);
            else if (what === 'sync') device.sync(folder, window);
            else folder.change(at, what === 'mark');
          }
          while (device.sync(folder, window));
          const shown = folder.mails.filter(({ isDeleted }) => !isDeleted);
          assert.deepEqual(
            [...device.has].sort(([one], [other]) => one - other),
            shown.map(({ uid, modseq }) => [uid, modseq]),
          );
          assert.ok(device.state.complete);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('tells the newest first, and gives up what has become too old', () => {
    const [folder, device] = [new Folder(), new Device()];
    for (const received of [10, 20, 30]) folder.add(received);
    assert.equal(device.sync(folder, 1), true);
    assert.deepEqual([...device.has.keys()], [3]);
    while (device.sync(folder, 1));
    assert.equal(device.has.size, 3);
    device.sync(folder, 5, 15);
    assert.deepEqual([...device.has.keys()].sort(), [2, 3]);
  });

  it('does not tell it of what it did itself, unless somebody else has done something since', () => {
    const [folder, device] = [new Folder(), new Device()];
    folder.add(1);
    device.sync(folder, 5);
    folder.change(0);
    const wanted = { filterType: 0, oldest: 0, own: new Map([[1, folder.modseq]]) };
    assert.deepEqual(toTell(device.state, folder.news(device.state, false), wanted), []);
    folder.change(0);
    assert.equal(toTell(device.state, folder.news(device.state, false), wanted).length, 1);
  });
});
