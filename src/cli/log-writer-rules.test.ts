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
    () => {
      const lines = unspelled;
      unspelled = [];
      for (const line of lines) writer.write(line);
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
    flushed(system = takes): string {
      takes = system;
      atOnce = '';
      writer.flush();
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

  it('that nobody will ever read are dropped, and later ones are tried', (t) => {
    const { writer, pass, taken } = setUp(t);
    for (const line of ['a\n', 'b\n']) {
      writer.write(line);
      pass(1_000);
      assert.deepEqual(taken('EPIPE'), [`77 ${line}`]);
      pass(1_000);
      assert.deepEqual(taken(), []);
    }
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

  it('are offered for a second to a reader who is not ready, and then dropped', (t) => {
    const { writer, waits, flushed } = setUp(t);
    let refusals = 0;
    writer.write('ab\n');
    const text = flushed((bytes) => {
      refusals += 1;
      return refusals > 50 ? bytes : again();
    });
    assert.equal(text, 'ab\n');
    assert.deepEqual(
      waits.mock.calls.map(({ arguments: [, , , ms] }) => ms),
      Array.from({ length: 50 }, () => 10),
    );
    writer.write('c\n');
    assert.equal(flushed(again), '');
    assert.equal(waits.mock.callCount(), 50 + 101);
    writer.write('d\n');
    const broken = () => {
      throw errorOf('EPIPE');
    };
    assert.equal(flushed(broken), '');
    assert.equal(waits.mock.callCount(), 50 + 101, 'whoever is gone is not waited for');
  });

  it('are dropped where the system has sat on others for longer than a second', (t) => {
    const { writer, pass, taken, flushed } = setUp(t);
    for (const [ms, text] of [
      [1_000, 'b\n'],
      [1_001, ''],
    ] as const) {
      writer.write('a\n');
      pass(1_000);
      pass(ms - 500);
      assert.deepEqual(taken(1), ['77 a\n']);
      pass(ms);
      writer.write('b\n');
      assert.equal(flushed(), text);
      assert.deepEqual(taken(), ['77 \n']);
      assert.deepEqual(taken(), []);
    }
  });

  it('are written where the system has just been given once more what the reader was long not ready for', (t) => {
    const { writer, pass, taken, flushed } = setUp(t);
    writer.write('a\n');
    pass(1_000);
    for (let i = 0; i < 20; i += 1) {
      assert.deepEqual(taken('EAGAIN'), ['77 a\n']);
      pass(100);
    }
    writer.write('b\n');
    assert.equal(flushed(), 'b\n');
    assert.deepEqual(taken(), ['77 a\n']);
  });
});
