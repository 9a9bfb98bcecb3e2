// The journal by itself: what it gives back after a crash, what it takes for damage, how its files
// are used again, and what it does when the disk fails.

import assert from 'node:assert/strict';
import promises, { mkdtemp, readdir, rm } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../base/fake-clock.ts';
import { silentLog } from '../../../base/log.ts';
import { Histogram } from '../../../base/metrics.ts';
import { StorageError } from '../../../smtp/smtp-error.ts';
import { message } from '../../conformance/harness.ts';
import { StoreOpenError } from '../../open-error.ts';
import { journalDirectory } from './disk.ts';
import type { JournalDirectory } from './file.ts';
import {
  blockBytes,
  decodeHead,
  encodeFrameHead,
  encodeHead,
  frameHeadBytes,
  headBytes,
} from './frame.ts';
import { Journal } from './journal.ts';
import { MemoryJournalDirectory } from './memory-directory.ts';
import type { JournaledMessage } from './record.ts';
import { encodeMessage, RecordBuffer } from './record.ts';
import type { RecoveredMessage } from './recovery.ts';
import type { Segment } from './segments.ts';

const segmentBytes = 64 * 1024;

async function open(directory: JournalDirectory, clock = new FakeClock()) {
  const live: RecoveredMessage[] = [];
  const parts = { directory, clock, log: silentLog, segmentBytes, segmentsMax: 4 };
  const journal = await Journal.open(parts, async (found) => {
    live.push(...found);
  });
  await journal.prepare();
  const owner = { crowded: [] as Segment[], failures: 0 };
  journal.own({
    onCrowded: (segment) => owner.crowded.push(segment),
    onFailure: () => {
      owner.failures += 1;
    },
  });
  const ids = () => live.map((one) => one.message.id);
  return { journal, live, ids, owner, clock };
}

const mail = (id: string, size = 10): JournaledMessage => ({
  ...message(id),
  content: { kind: 'inline', bytes: Buffer.alloc(size, id) },
});

async function appended(journal: Journal, ...messages: JournaledMessage[]): Promise<Segment[]> {
  const written = messages.map((one) => journal.append(one));
  assert.ok(!written.includes(undefined), 'there is room');
  return (await Promise.all(written)) as Segment[];
}

const damaged = (words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StoreOpenError, String(error));
  assert.equal(error.problem, 'damaged');
  assert.match(error.message, words);
  assert.doesNotMatch(error.message, /\n/);
  return true;
};

/** The one file that has frames. */
const theFile = (directory: MemoryJournalDirectory) => [...directory.files.values()][0]!;

describe('after a crash', () => {
  it('what an older version wrote says how it is delivered', async () => {
    const directory = new MemoryJournalDirectory();
    const first = await open(directory);
    const { delivery: _, ...bob } = message('').recipients[0]!;
    const recipients = [
      bob,
      { ...bob, destination: 'discard' },
      { ...bob, delivery: 'remote' },
    ] as unknown as JournaledMessage['recipients'];
    await appended(first.journal, { ...mail('m1'), recipients });
    directory.crash();
    const again = await open(directory);
    assert.deepEqual(
      again.live[0]?.message.recipients.map(({ delivery }) => delivery),
      ['relay', 'discard', 'relay'],
    );
  });

  it('whoever only looks sees what is there, and leaves the files as they are', async () => {
    const directory = new MemoryJournalDirectory();
    await appended((await open(directory)).journal, mail('m1'), mail('m2'));
    directory.crash();
    const before = structuredClone(directory.files);
    const parts = { directory, clock: new FakeClock(), log: silentLog, segmentBytes };
    const { journal, left } = await Journal.atRest(parts);
    assert.deepEqual(
      left.map(({ message: { id } }) => id),
      ['m1', 'm2'],
    );
    assert.equal(journal.append(mail('m3')), undefined);
    journal.done('m1');
    await parts.clock.advance(1000);
    await journal.close({ empty: true });
    assert.deepEqual(structuredClone(directory.files), before);
  });

  it('what was appended is there, whole; what is done is not', async () => {
    const directory = new MemoryJournalDirectory();
    const first = await open(directory);
    const two = {
      ...mail('m2', 40_000),
      params: ['SMTPUTF8'],
      messageId: '<ü@example.org>',
      prefix: 'Received: ü\r\n',
      recipients: ['a', 'b', 'c'].map((who) => ({ ...message('').recipients[0]!, address: who })),
    };
    await appended(first.journal, mail('m1'), two, mail('m3', 0));
    first.journal.done('m1');
    first.journal.done('m2', [0, 2]);
    await first.clock.advance(100);
    directory.crash();
    const { live } = await open(directory);
    assert.deepEqual(
      live.map((one) => ({ ...one, indexes: [...one.indexes] })),
      [
        { message: { ...two, content: { ...two.content } }, indexes: [1] },
        { message: { ...mail('m3', 0), content: live[1]!.message.content }, indexes: [0] },
      ],
    );
    assert.equal(live[1]!.message.content.bytes.length, 0);
  });

  it('where nothing is alive nothing is handed over', async () => {
    const directory = new MemoryJournalDirectory();
    await open(directory);
    directory.crash();
    const parts = { directory, clock: new FakeClock(), log: silentLog, segmentBytes };
    await Journal.open(parts, async (live) => assert.fail(`${live.length} messages`));
  });

  it('what was handed over once is not handed over again', async () => {
    const directory = new MemoryJournalDirectory();
    await appended((await open(directory)).journal, mail('m1'));
    directory.crash();
    assert.deepEqual((await open(directory)).ids(), ['m1']);
    directory.crash();
    assert.deepEqual((await open(directory)).ids(), []);
  });

  it('what could not be saved is handed over again', async () => {
    const directory = new MemoryJournalDirectory();
    await appended((await open(directory)).journal, mail('m1'));
    const parts = { directory, clock: new FakeClock(), log: silentLog, segmentBytes };
    const refuses = () => Promise.reject(new StorageError('full'));
    await assert.rejects(Journal.open(parts, refuses), StorageError);
    assert.deepEqual((await open(directory)).ids(), ['m1']);
  });

  it('a torn write takes nothing with it that was there before', async () => {
    for (const kept of [0, 1, 2, 3, 8, 9, 10, 40]) {
      const directory = new MemoryJournalDirectory();
      const { journal } = await open(directory);
      await appended(journal, mail('m1'));
      await appended(journal, mail('m2'));
      directory.faults = () => ({ kind: 'torn', keeps: (sector) => sector < kept });
      await assert.rejects(journal.append(mail('m3', 6000))!);
      const { ids } = await open(directory);
      assert.deepEqual(ids().slice(0, 2), ['m1', 'm2']);
      assert.equal(ids().length, kept >= 16 ? 3 : 2, `${kept} sectors`);
    }
  });

  it('a head that was being written is passed over for the one before it', async () => {
    const spoilNewestHead = (file: Uint8Array) => {
      const serials = [0, blockBytes].map((at) => {
        const read = decodeHead(file.subarray(at, at + blockBytes));
        return read.kind === 'head' ? read.head.serial : -1;
      });
      const at = serials[0]! > serials[1]! ? 0 : blockBytes;
      file.fill(0, at, at + blockBytes);
    };
    const directory = new MemoryJournalDirectory();
    await appended((await open(directory)).journal, mail('m1'));
    directory.crash();
    assert.deepEqual((await open(directory)).ids(), ['m1']);
    directory.crash();
    spoilNewestHead(theFile(directory));
    assert.deepEqual((await open(directory)).ids(), ['m1'], 'that it was handed over is not said');

    const other = new MemoryJournalDirectory();
    await appended((await open(other)).journal, mail('m1'));
    other.crash();
    spoilNewestHead(theFile(other));
    assert.deepEqual((await open(other)).ids(), [], 'that it is used is not said');
  });

  it('a segment in its second life says nothing of its first', async () => {
    const directory = new MemoryJournalDirectory();
    const { journal, clock } = await open(directory);
    // Each fills a good part of a segment.
    for (let i = 0; i < 40; i += 1) {
      const [segment] = await appended(journal, mail(`m${i}`, 20_000));
      journal.done(`m${i}`);
      segment!.live -= 1;
      await clock.advance(100);
    }
    assert.ok(directory.files.size <= 4, `${directory.files.size} files`);
    await appended(journal, mail('last'));
    directory.crash();
    assert.deepEqual((await open(directory)).ids(), ['last']);
  });

  it('a frame that a message brought along is none of ours: it lacks the salt', async () => {
    const directory = new MemoryJournalDirectory();
    const { journal } = await open(directory);
    await appended(journal, mail('m1'));
    directory.crash();
    const records = new RecordBuffer();
    records.addMessage(encodeMessage(mail('forged')));
    const { head, payload } = records.finish();
    const length = records.length - frameHeadBytes;
    const mark = { generation: 1, sequence: 2, salt: Buffer.alloc(8) };
    encodeFrameHead(head, mark, { length, pieces: payload });
    for (const block of [1, 2])
      theFile(directory).set(Buffer.concat([head, ...payload]), headBytes + block * blockBytes);
    assert.deepEqual((await open(directory)).ids(), ['m1']);
  });
});

describe('damage', () => {
  async function written(count: number): Promise<MemoryJournalDirectory> {
    const directory = new MemoryJournalDirectory();
    const { journal, clock } = await open(directory);
    for (let i = 0; i < count; i += 1) {
      await appended(journal, mail(`m${i}`, 20_000));
      await clock.advance(0);
    }
    directory.crash();
    return directory;
  }

  it('a frame that cannot be read, and one behind it that can, is damage', async () => {
    for (const octet of [0, 5, 30, 31, 300]) {
      const directory = new MemoryJournalDirectory();
      const { journal } = await open(directory);
      await appended(journal, mail('m1'));
      await appended(journal, mail('m2'));
      directory.crash();
      theFile(directory)[headBytes + octet]! ^= 1;
      await assert.rejects(open(directory), damaged(/^memory\/\w+ is damaged: .*Restore/));
    }
  });

  it('the last frame that cannot be read is a torn write', async () => {
    const directory = new MemoryJournalDirectory();
    const { journal } = await open(directory);
    await appended(journal, mail('m1'));
    await appended(journal, mail('m2'));
    directory.crash();
    theFile(directory)[headBytes + blockBytes + 50]! ^= 1;
    assert.deepEqual((await open(directory)).ids(), ['m1']);
  });

  it('the last frame of a segment that others follow cannot be torn', async () => {
    const directory = await written(4);
    const first = theFile(directory);
    first[headBytes + 24 * 1024 + 100]! ^= 1; // in the second of its two frames
    await assert.rejects(open(directory), damaged(/breaks off/));
  });

  it('a segment that is missing, or has no beginning', async () => {
    const gone = await written(7);
    const [, second] = [...gone.files.keys()];
    gone.files.delete(second!);
    await assert.rejects(open(gone), damaged(/is missing/));
    const headless = await written(7);
    theFile(headless).fill(0, 0, headBytes);
    await assert.rejects(open(headless), damaged(/its beginning/));
  });

  it('what a newer version wrote is left alone', async () => {
    const directory = await written(1);
    const head = { serial: 9, generation: 1, tail: 1, firstSequence: 1, salt: Buffer.alloc(8) };
    const block = encodeHead(head, 2);
    theFile(directory).set(block);
    await assert.rejects(open(directory), { problem: 'newer', message: /newer Postrider/ });
  });
});

describe('room', () => {
  it('a segment with mail that is alive is not used again; its owner is asked to save it', async () => {
    const directory = new MemoryJournalDirectory();
    const { journal, owner, clock } = await open(directory);
    const ids: string[] = [];
    let refused = 0;
    for (let i = 0; i < 20; i += 1) {
      const written = journal.append(mail(`m${i}`, 20_000));
      if (written === undefined) refused += 1;
      else {
        await written;
        ids.push(`m${i}`);
      }
      await clock.advance(0);
    }
    assert.ok(refused > 0 && ids.length >= 8, `${refused} refused, ${ids.length} taken`);
    assert.equal(directory.files.size, 4);
    assert.ok(new Set(owner.crowded).size === 1, 'the oldest');
    const [oldest] = owner.crowded;
    for (const id of ids.slice(0, oldest!.live)) journal.done(id);
    oldest!.live = 0;
    journal.noticeRoom();
    await appended(journal, mail('next', 20_000));
    directory.crash();
    assert.deepEqual((await open(directory)).ids(), [...ids.slice(2), 'next']);
  });

  it('what is larger than a flush may be is not taken', async () => {
    const { journal } = await open(new MemoryJournalDirectory());
    assert.equal(journal.append(mail('m1', segmentBytes)), undefined);
  });

  it('without room for a first file there is no journal, until there is', async () => {
    const directory = new MemoryJournalDirectory();
    directory.full = true;
    let asked = 0;
    const create = directory.create.bind(directory);
    directory.create = (...file) => {
      asked += 1;
      return create(...file);
    };
    const { journal, clock } = await open(directory);
    assert.equal(journal.append(mail('m1')), undefined);
    directory.full = false;
    await clock.advance(29_999);
    assert.equal(journal.append(mail('m1')), undefined);
    await clock.advance(0);
    assert.equal(asked, 1, 'not for every message');
    await clock.advance(1);
    assert.equal(journal.append(mail('m1')), undefined);
    await clock.advance(0);
    await appended(journal, mail('m1'));
  });
});

describe('a disk that fails', () => {
  it('is told to those who wait; new files are begun once all is safe', async () => {
    const directory = new MemoryJournalDirectory();
    const { journal, owner, clock } = await open(directory);
    await appended(journal, mail('m1'));
    const before = [...directory.files.keys()];
    directory.faults = () => ({ kind: 'failed' });
    const waiting = [journal.append(mail('m2')), journal.append(mail('m3'))];
    for (const one of waiting) await assert.rejects(one!, StorageError);
    directory.faults = undefined;
    assert.equal(owner.failures, 1);
    assert.equal(journal.append(mail('m4')), undefined, 'given up');
    assert.deepEqual([...directory.files.keys()], before, 'until what is alive is safe');
    await journal.begin();
    assert.equal(directory.files.size, 0);
    await clock.advance(30_000);
    await appended(journal, mail('m5'));
    directory.crash();
    assert.deepEqual((await open(directory)).ids(), ['m5']);
  });

  it('with the very first head, too', async () => {
    const directory = new MemoryJournalDirectory();
    const { journal, clock } = await open(directory);
    directory.faults = () => ({ kind: 'failed' });
    await assert.rejects(journal.append(mail('m1'))!, StorageError);
    directory.faults = undefined;
    await journal.begin();
    await clock.advance(30_000);
    await appended(journal, mail('m2'));
    directory.crash();
    assert.deepEqual((await open(directory)).ids(), ['m2']);
  });

  it('nothing of what was refused is written later', async () => {
    const directory = new MemoryJournalDirectory();
    const { journal, clock } = await open(directory);
    await appended(journal, mail('m1'));
    let meanwhile: Promise<Segment> | undefined;
    directory.faults = () => {
      meanwhile ??= journal.append(mail('m3'));
      return { kind: 'failed' };
    };
    await assert.rejects(journal.append(mail('m2'))!, StorageError);
    await assert.rejects(meanwhile!, StorageError);
    directory.faults = undefined;
    await journal.begin();
    await clock.advance(30_000);
    await appended(journal, mail('m4'));
    directory.crash();
    assert.deepEqual((await open(directory)).ids(), ['m4']);
  });

  it('keeps nobody from closing, and what is closed does not begin anew', async () => {
    const directory = new MemoryJournalDirectory();
    const { journal, clock } = await open(directory);
    await appended(journal, mail('m1'));
    directory.faults = () => ({ kind: 'failed' });
    const refused = assert.rejects(journal.append(mail('m2'))!, StorageError);
    const closed = journal.close({ empty: false });
    await refused;
    await journal.begin();
    await closed;
    await clock.advance(60_000);
    assert.equal(journal.append(mail('m3')), undefined);
    assert.equal(directory.files.size, 0);
  });
});

describe('a journal that is given up', () => {
  for (const [title, when] of [
    ['at rest', 'now'],
    ['while it writes', 'writing'],
  ] as const)
    it(`tells who waits, and its owner once: ${title}`, async () => {
      const directory = new MemoryJournalDirectory();
      const { journal, owner } = await open(directory);
      await appended(journal, mail('m1'));
      const waiting = journal.append(mail('m2'))!;
      if (when === 'now') journal.giveUp('it was moved away');
      else directory.faults = () => void journal.giveUp('it was moved away');
      await assert.rejects(waiting, StorageError);
      directory.faults = undefined;
      journal.giveUp('it was moved away');
      assert.equal(owner.failures, 1);
      assert.equal(journal.append(mail('m3')), undefined);
    });

  it('begins anew: what comes and what is done with is written as before', async () => {
    const directory = new MemoryJournalDirectory();
    const { journal, clock } = await open(directory);
    await appended(journal, mail('m1'));
    journal.done('m1');
    journal.giveUp('it was moved away');
    await journal.begin();
    await clock.advance(30_000);
    await appended(journal, mail('m2'), mail('m3'));
    journal.done('m2');
    await clock.advance(50);
    directory.crash();
    assert.deepEqual((await open(directory)).ids(), ['m3']);
  });

  it('is none where there are no files', async () => {
    const directory = new MemoryJournalDirectory();
    directory.full = true;
    const { journal, owner } = await open(directory);
    journal.giveUp('it was moved away');
    assert.equal(owner.failures, 0);
  });
});

/** Four messages, each of which fills a segment. */
async function full(directory: MemoryJournalDirectory) {
  const { journal, clock } = await open(directory);
  const segments: Segment[] = [];
  for (const id of ['m0', 'm1', 'm2', 'm3']) {
    segments.push(...(await appended(journal, mail(id, 56_000))));
    await clock.advance(0);
  }
  return { journal, clock, segments };
}

describe('word of what is done', () => {
  it('that is more than a segment holds goes into several', async () => {
    const directory = new MemoryJournalDirectory();
    const { journal, clock } = await open(directory);
    await appended(journal, mail('m1'), mail('m2'));
    for (let i = 0; i < 4000; i += 1) journal.done(`gone-${i}`);
    journal.done('m1');
    await clock.advance(200);
    directory.crash();
    assert.deepEqual((await open(directory)).ids(), ['m2']);
  });

  it('goes with the next message, or by itself a moment later', async () => {
    const directory = new MemoryJournalDirectory();
    let writes = 0;
    directory.faults = () => {
      writes += 1;
      return undefined;
    };
    const { journal, clock } = await open(directory);
    await appended(journal, mail('m1'), mail('m2'));
    const before = writes;
    journal.done('m1');
    await clock.advance(49);
    assert.equal(writes, before);
    await appended(journal, mail('m3'));
    assert.equal(writes, before + 1);
    journal.done('m2');
    await clock.advance(50);
    assert.equal(writes, before + 2);
    directory.crash();
    assert.deepEqual((await open(directory)).ids(), ['m3']);
  });

  it('waits where there is no room, and is written once there is', async () => {
    const directory = new MemoryJournalDirectory();
    const { journal, clock, segments } = await full(directory);
    journal.done('m2');
    await clock.advance(50);
    segments[0]!.live = 0;
    journal.noticeRoom();
    journal.done('m1');
    await clock.advance(50);
    directory.crash();
    assert.deepEqual((await open(directory)).ids(), ['m3']);
  });
});

describe('while something is written', () => {
  it('who comes goes into the next frame', async () => {
    const directory = new MemoryJournalDirectory();
    const { journal } = await open(directory);
    const coming = ['m2', 'm3', 'm4'];
    const waiting: (Promise<Segment> | undefined)[] = [];
    await appended(journal, mail('m0'));
    directory.faults = () => {
      const id = coming.shift();
      if (id !== undefined) waiting.push(journal.append(mail(id)));
      return undefined;
    };
    await appended(journal, mail('m1'));
    while (coming.length > 0) await waiting.at(-1);
    await Promise.all(waiting);
    directory.crash();
    assert.deepEqual((await open(directory)).ids(), ['m0', 'm1', 'm2', 'm3', 'm4']);
  });

  it('nothing is written behind a head that is not on the disk', async () => {
    const directory = new MemoryJournalDirectory();
    const { journal, clock } = await open(directory);
    const writes: (() => void)[] = [];
    directory.writes = (complete) => writes.push(complete);
    const waiting = journal.append(mail('m1'));
    await clock.advance(0);
    const more = journal.append(mail('m2'));
    await clock.advance(0);
    assert.equal(writes.length, 1);
    directory.writes = queueMicrotask;
    writes[0]!();
    await Promise.all([waiting, more]);
  });

  it('how long it took is measured', async () => {
    const flushSeconds = new Histogram([60]);
    const directory = new MemoryJournalDirectory();
    const parts = { directory, clock: new FakeClock(), log: silentLog, segmentBytes };
    const journal = await Journal.open({ ...parts, flushSeconds }, async () => {});
    await journal.prepare();
    await appended(journal, mail('m1'));
    assert.deepEqual(flushSeconds.counts, [1, 0]);
  });
});

describe('closing', () => {
  it('does not wait for room that does not come', async () => {
    const directory = new MemoryJournalDirectory();
    const { journal, clock } = await full(directory);
    journal.done('m1');
    await clock.advance(50);
    await journal.close({ empty: false });
    assert.equal((await open(directory)).ids().length, 4);
  });

  it('what waits is written first', async () => {
    const directory = new MemoryJournalDirectory();
    const { journal } = await open(directory);
    await appended(journal, mail('m1'));
    const waiting = journal.append(mail('m2'));
    journal.done('m1');
    await journal.close({ empty: false });
    await waiting;
    assert.deepEqual((await open(directory)).ids(), ['m2']);
  });

  it('what is done with is written, with nothing else to write', async () => {
    const directory = new MemoryJournalDirectory();
    const { journal } = await open(directory);
    await appended(journal, mail('m1'), mail('m2'));
    journal.done('m1');
    await journal.close({ empty: false });
    assert.deepEqual((await open(directory)).ids(), ['m2']);
  });

  it('waits for the file that is being made', async () => {
    const directory = new MemoryJournalDirectory();
    const { journal } = await open(directory);
    const made = Promise.withResolvers<void>();
    const create = directory.create.bind(directory);
    directory.create = async (...file) => {
      await made.promise;
      return create(...file);
    };
    await appended(journal, mail('m1')); // which takes the file that there is
    let isClosed = false;
    const closed = journal.close({ empty: true }).then(() => {
      isClosed = true;
    });
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
    assert.equal(isClosed, false);
    made.resolve();
    await closed;
    assert.deepEqual([directory.files.size, directory.openFiles], [1, 0], 'nothing is left of it');
  });

  it('takes nothing more, and lets go of files and timers', async () => {
    const directory = new MemoryJournalDirectory();
    const { journal, clock } = await open(directory);
    await appended(journal, mail('m1'));
    journal.done('m1');
    await journal.close({ empty: true });
    assert.equal(journal.append(mail('m2')), undefined);
    assert.equal(directory.openFiles, 0);
    assert.equal(clock.nextTimer(), undefined);
  });
});

describe('files', () => {
  it('are not begun where there is no room for them and as much again', async (t) => {
    const path = join(await mkdtemp(join(tmpdir(), 'postrider-journal-')), 'journal');
    const size = 65_536;
    const free = async (bytes: number) => {
      const { mock } = t.mock.method(promises, 'statfs', async () => ({
        ...{ bsize: 512, blocks: 10_000, bavail: bytes / 512 },
      }));
      syncBuiltinESMExports();
      const made = await journalDirectory(path)
        .create(`with-${bytes}`, Buffer.alloc(4096), size)
        .then(
          (file) => file.close(),
          (error: Error) => error.message,
        );
      mock.restore();
      syncBuiltinESMExports();
      return made;
    };
    assert.match((await free(2 * size - 512)) ?? '', /no space left/);
    assert.deepEqual(await readdir(path), []);
    assert.equal(await free(2 * size), undefined);
    await rm(join(path, '..'), { recursive: true });
  });

  it('are there again after a restart, for their owner alone, and are used again', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'postrider-journal-')), 'journal');
    const directory = journalDirectory(path);
    const clock = new FakeClock();
    const first = await open(directory, clock);
    await appended(first.journal, mail('m1'), mail('m2', 40_000));
    await first.journal.close({ empty: false });
    const names = await readdir(path);
    const second = await open(directory, clock);
    assert.deepEqual(second.ids(), ['m1', 'm2']);
    assert.equal(
      Buffer.compare(second.live[1]!.message.content.bytes, mail('m2', 40_000).content.bytes),
      0,
    );
    await appended(second.journal, mail('m3'));
    await second.journal.close({ empty: true });
    const third = await open(directory, clock);
    assert.deepEqual(third.ids(), []);
    assert.deepEqual(await readdir(path), names);
    await third.journal.close({ empty: true });
    await rm(join(path, '..'), { recursive: true });
  });
});
