// LogWriter over a descriptor that does what it is told: what no pipe can be made to do at will.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { LogWriter } from './log-writer.ts';

/** A writer to a descriptor, by a clock, that do what a test says. */
function setUp(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 5_000;
  t.mock.method(performance, 'now', () => now);
  const pass = (ms: number) => {
    now += ms;
    t.mock.timers.tick(ms);
  };
  /** What the system has been given, and has not said anything about. */
  const given: { readonly text: string; readonly done: Done }[] = [];
  /** What was written while everything waited. */
  let atOnce = '';
  let takes = (bytes: number): number => bytes;
  const waits = t.mock.method(Atomics, 'wait', (_: unknown, __: number, ___: number, ms = 0) => {
    now += ms;
    return 'timed-out' as const;
  });
  let unspelled: string[] = [];
  const writer: LogWriter = new LogWriter(
    77,
    {
      spell() {
        const lines = unspelled;
        unspelled = [];
        for (const line of lines) writer.write(line);
      },
      dropped: (lines) => `${lines} dropped\n`,
    },
    {
      write: (fd, bytes, done) => void given.push({ text: `${fd} ${bytes}`, done }),
      writeSync(fd, bytes, at) {
        assert.equal(fd, 77);
        const length = takes(bytes.length - at);
        atOnce += bytes.toString('latin1', at, at + length);
        return length;
      },
    },
  );
  return {
    ...{ writer, pass, waits },
    /** Something is there that is put into words later. */
    expect(line: string) {
      unspelled.push(line);
      writer.expect();
    },
    /** What the system was given since, which takes all of it, as much of it, or says why not. */
    taken(outcome: number | string = Number.POSITIVE_INFINITY): string[] {
      return given.splice(0).map(({ text, done }) => {
        if (typeof outcome === 'number') done(null, Math.min(outcome, text.length - '77 '.length));
        else done(errorOf(outcome), undefined as unknown as number);
        return text;
      });
    },
    writtenAtOnce: () => atOnce,
    flushed(system = takes): string {
      takes = system;
      atOnce = '';
      void writer.end();
      return atOnce;
    },
  };
}

type Done = (error: NodeJS.ErrnoException | null, written: number) => void;
const errorOf = (code: string) => Object.assign(new Error(code), { code });
const again = (): never => {
  throw errorOf('EAGAIN');
};

describe('lines to a descriptor', () => {
  it('are gathered for a second, together with what is put into words then, and once more behind that', (t) => {
    const { writer, pass, expect, taken } = setUp(t);
    for (const round of ['1', '2']) {
      writer.write(`a${round}\n`);
      expect(`b${round}\n`);
      pass(999);
      assert.deepEqual(taken(), []);
      pass(1);
      assert.deepEqual(taken(), [`77 a${round}\nb${round}\n`]);
    }
    pass(10_000);
    assert.deepEqual(taken(), [], 'of nothing the system is told nothing');
    writer.expect();
    pass(1_000);
    assert.deepEqual(taken(), []);
  });

  it('are written at once when they are many, also those that come while others are written', (t) => {
    const { writer, pass, expect, taken } = setUp(t);
    writer.write('x'.repeat(8191));
    assert.deepEqual(taken(), []);
    writer.write('\n');
    writer.write('b\n');
    expect('c\n');
    pass(1_000);
    writer.write('d'.repeat(9_000));
    assert.deepEqual(taken(), [`77 ${'x'.repeat(8191)}\n`], 'one at a time');
    writer.write('e\n');
    assert.deepEqual(taken(), [`77 b\nc\n${'d'.repeat(9_000)}`]);
    writer.write('f\n');
    assert.deepEqual(taken(), []);
    pass(1_000);
    assert.deepEqual(taken(), ['77 e\nf\n']);
  });

  it('that are put into words together are written together', (t) => {
    const { pass, expect, taken, flushed } = setUp(t);
    const long = 'x'.repeat(9_000);
    expect(long);
    expect('b\n');
    pass(1_000);
    assert.deepEqual(taken(), [`77 ${long}b\n`]);
    expect(long);
    expect('c\n');
    assert.equal(flushed(), `${long}c\n`);
    pass(10_000);
    assert.deepEqual(taken(), []);
  });

  it('of which a part was taken go on behind it', (t) => {
    const { writer, pass, taken } = setUp(t);
    writer.write('abcdef\n');
    pass(1_000);
    assert.deepEqual(taken(4), ['77 abcdef\n']);
    writer.write('g\n');
    assert.deepEqual(taken(), ['77 ef\n']);
    pass(1_000);
    assert.deepEqual(taken(), ['77 g\n']);
  });

  it('that the reader is not ready for are offered again, before those that came since', (t) => {
    const { writer, pass, taken, flushed } = setUp(t);
    writer.write('a\n');
    pass(1_000);
    assert.deepEqual(taken('EAGAIN'), ['77 a\n']);
    writer.write('x'.repeat(9_000));
    pass(99);
    assert.deepEqual(taken(), []);
    pass(1);
    assert.deepEqual(taken('EAGAIN'), ['77 a\n']);
    pass(100);
    assert.deepEqual(taken(), ['77 a\n']);
    assert.equal(flushed(), '', 'all of it is with the system');
    assert.deepEqual(taken(), [`77 ${'x'.repeat(9_000)}`]);
  });

  it('that nobody reads are dropped and counted, and later ones are tried, which say so', (t) => {
    const { writer, pass, taken } = setUp(t);
    for (const lines of ['a\nb\n', '2 dropped\nc\n', '3 dropped\nd\n']) {
      writer.write(lines.replace(/^\d.*\n/, ''));
      pass(1_000);
      assert.deepEqual(taken('ENOSPC'), [`77 ${lines}`]);
      pass(1_000);
      assert.deepEqual(taken(), []);
    }
    writer.write('e\n');
    pass(1_000);
    assert.deepEqual(taken(), ['77 4 dropped\ne\n']);
    writer.write('\n');
    pass(1_000);
    writer.write('f\n');
    assert.deepEqual(taken('ENOSPC'), ['77 \n'], 'once');
    pass(1_000);
    assert.deepEqual(taken(), ['77 1 dropped\nf\n'], 'what came meanwhile is tried by itself');
  });

  it('of which a part was written before the disk was full are dropped from there on, and what comes has its own line', (t) => {
    const { writer, pass, taken } = setUp(t);
    writer.write('abc\ndef\nghi\n');
    pass(1_000);
    assert.deepEqual(taken(5), ['77 abc\ndef\nghi\n']);
    assert.deepEqual(taken('ENOSPC'), ['77 ef\nghi\n']);
    writer.write('j\n');
    pass(1_000);
    assert.deepEqual(taken('ENOSPC'), ['77 \n2 dropped\nj\n']);
    writer.write('k\n');
    pass(1_000);
    assert.deepEqual(taken(3), ['77 \n3 dropped\nk\n']);
    assert.deepEqual(taken('ENOSPC'), ['77 dropped\nk\n']);
    writer.write('l\n');
    pass(1_000);
    assert.deepEqual(taken(), ['77 \n4 dropped\nl\n']);
    writer.write('m\n');
    pass(1_000);
    assert.deepEqual(taken('ENOSPC'), ['77 m\n'], 'that line has its end');
    writer.write('n\n');
    pass(1_000);
    assert.deepEqual(taken('1 dropped\n'.length), ['77 1 dropped\nn\n']);
    assert.deepEqual(taken('ENOSPC'), ['77 n\n']);
    writer.write('o\n');
    pass(1_000);
    assert.deepEqual(taken(), ['77 1 dropped\no\n'], 'what was told is not told again');
  });

  it('wait to a limit, and not beyond it', (t) => {
    const { writer, pass, taken } = setUp(t);
    writer.write('a\n');
    pass(1_000);
    const mebibyte = 'x'.repeat(2 ** 20);
    for (let i = 0; i < 20; i += 1) writer.write(mebibyte);
    assert.deepEqual(taken(), ['77 a\n']);
    assert.deepEqual(
      taken().map(({ length }) => length),
      ['77 '.length + 16 * 2 ** 20],
    );
    pass(1_000);
    assert.deepEqual(taken(), ['77 4 dropped\n'], 'whoever reads again is told of the rest');
    writer.write('b\n');
    pass(1_000);
    assert.deepEqual(taken(), ['77 b\n'], 'there is room again');
  });
});

describe('at the end of the process, lines to a descriptor', () => {
  it('are written before anything else happens, in pieces where it must be', (t) => {
    const { writer, pass, expect, taken, flushed } = setUp(t);
    writer.write('abcdef\n');
    expect('ghi\n');
    assert.equal(
      flushed((bytes) => Math.min(bytes, 2)),
      'abcdef\nghi\n',
    );
    pass(10_000);
    assert.deepEqual(taken(), [], 'and not again');
  });

  it('are written behind those that the reader was not ready for, once', (t) => {
    const { writer, pass, taken, flushed } = setUp(t);
    writer.write('a\n');
    pass(1_000);
    taken('EAGAIN');
    writer.write('b\n');
    pass(50);
    assert.equal(flushed(), 'a\nb\n');
    assert.equal(flushed(), '');
    pass(10_000);
    assert.deepEqual(taken(), []);
    writer.write('c\n');
    pass(1_000);
    assert.deepEqual(taken(), ['77 c\n'], 'it is not the end yet');
  });

  it('are offered a hundred times to a reader who is not ready, however late it is, and then dropped and counted', (t) => {
    const { writer, pass, waits, flushed } = setUp(t);
    let refusals = 0;
    writer.write('ab\n');
    const text = flushed((bytes) => {
      refusals += 1;
      pass(60_000); // the process stands still
      return refusals > 50 ? bytes : again();
    });
    assert.equal(text, 'ab\n');
    assert.deepEqual(
      waits.mock.calls.map(({ arguments: [, , , ms] }) => ms),
      Array.from({ length: 50 }, () => 10),
    );
    writer.write('c\nd\n');
    assert.equal(flushed(again), '');
    assert.equal(waits.mock.callCount(), 50 + 100 + 100, 'the lines, and how many they were');
    writer.write('e\n');
    const broken = () => {
      throw errorOf('EPIPE');
    };
    assert.equal(flushed(broken), '');
    assert.equal(waits.mock.callCount(), 50 + 200, 'whoever is gone is not waited for');
    assert.equal(
      flushed((bytes) => bytes),
      '3 dropped\n',
    );
  });

  it('are written at the pace of a reader who is slow, for so long, and the rest is counted and said', (t) => {
    const { writer, waits, flushed } = setUp(t);
    const slow = () => {
      let calls = 0;
      return () => {
        calls += 1;
        return calls % 50 === 0 ? 2 : again();
      };
    };
    writer.write('a\n'.repeat(10));
    assert.equal(flushed(slow()), 'a\n'.repeat(10));
    writer.write('a\n'.repeat(30));
    assert.equal(flushed(slow()), `${'a\n'.repeat(20)}10 dropped\n`);
    const before = waits.mock.callCount();
    const takes = slow();
    let calls = 0;
    writer.write('a\n'.repeat(30));
    const text = flushed(() => {
      calls += 1;
      return calls <= 1_000 ? takes() : again();
    });
    assert.equal(text, 'a\n'.repeat(20));
    assert.equal(waits.mock.callCount() - before, 1_000 + 100, 'the lines, and how many are lost');
    assert.equal(
      flushed((bytes) => bytes),
      '10 dropped\n',
    );
  });

  it('are given up together with those that nobody took, and counted with them', (t) => {
    const { writer, pass, taken, flushed } = setUp(t);
    writer.write('a\n');
    pass(1_000);
    assert.deepEqual(taken('EAGAIN'), ['77 a\n']);
    writer.write('b\n');
    let calls = 0;
    const text = flushed((bytes) => {
      calls += 1;
      return calls > 101 ? bytes : again();
    });
    assert.equal(text, '2 dropped\n');
  });

  it('wait for the answer about others, and are written behind what is left of those', async (t) => {
    for (const outcome of ['EAGAIN', 2] as const) {
      const { writer, pass, taken, writtenAtOnce } = setUp(t);
      writer.write('abc\n');
      pass(1_000);
      pass(60_000);
      writer.write('b\n');
      const ended = writer.end();
      assert.equal(writtenAtOnce(), '', 'the system has the first ones still');
      assert.deepEqual(taken(outcome), ['77 abc\n']);
      if (outcome === 2) assert.deepEqual(taken('EAGAIN'), ['77 c\n']);
      await ended;
      assert.equal(writtenAtOnce(), outcome === 2 ? 'c\nb\n' : 'abc\nb\n');
      t.mock.reset();
    }
  });

  it('do not wait for what others write without end', async (t) => {
    const { writer, pass, taken, writtenAtOnce } = setUp(t);
    const many = 'x'.repeat(9_000);
    writer.write('a\n');
    pass(1_000);
    writer.write(many);
    const ended = writer.end();
    assert.deepEqual(taken(), ['77 a\n']);
    writer.write(many);
    pass(1_000);
    assert.deepEqual(taken(), [], 'the system is given nothing more to say something about');
    await ended;
    assert.equal(writtenAtOnce(), many + many);
    writer.write('b\n');
    pass(1_000);
    assert.deepEqual(taken(), ['77 b\n'], 'it is not the end yet');
  });

  it('are dropped where the system says nothing about others in a thousand turns, however long those are', async (t) => {
    for (const turns of [999, 1_000]) {
      const { writer, pass, taken } = setUp(t);
      writer.write('a\n');
      pass(1_000);
      writer.write('b\n');
      let hasEnded = false;
      const ended = writer.end().then(() => {
        hasEnded = true;
      });
      for (let turn = 0; turn < turns; turn += 1) {
        pass(10);
        for (let i = 0; i < 5; i += 1) await Promise.resolve();
      }
      assert.equal(hasEnded, turns === 1_000);
      assert.deepEqual(taken(), ['77 a\n']);
      await ended;
      t.mock.reset();
    }
  });
});
