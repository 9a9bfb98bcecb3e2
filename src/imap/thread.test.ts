import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import type { ThreadNode, ThreadRow } from './thread.ts';
import { formatThreads, threadBySubject } from './thread.ts';
import { threadByReferences } from './thread-references.ts';

/** `3 "subject" a < b c`: sent, subject (`Re` in front: a reply), identifier, references. */
function rowsOf(...lines: string[]): ThreadRow[] {
  return lines.map((line, i) => {
    const [, sent, re, subject, id, references] =
      /^(\d+) "(Re )?([^"]*)" ?([^ ]*)(?: < (.*))?$/.exec(line)!;
    return {
      uid: i + 1,
      sent: Number(sent),
      subject: subject!,
      isReply: re !== undefined,
      messageId: id!,
      references: references?.split(' ') ?? [],
    };
  });
}

const references = (...lines: string[]) => formatThreads(threadByReferences(rowsOf(...lines)));

const leaf = (uid: number): ThreadNode => ({ uid, children: [] });

describe('formatThreads', () => {
  it('RFC 5256 §4: the examples', () => {
    const four = { uid: 4, children: [leaf(23)] };
    const fortyFour = { uid: 44, children: [{ uid: 7, children: [leaf(96)] }] };
    const three = { uid: 3, children: [{ uid: 6, children: [four, fortyFour] }] };
    assert.equal(formatThreads([leaf(2), three]), ' (2)(3 6 (4 23)(44 7 96))');
    assert.equal(formatThreads([{ uid: undefined, children: [leaf(3), leaf(5)] }]), ' ((3)(5))');
    assert.equal(formatThreads([]), '');
  });

  it('numbers messages as it is told', () =>
    assert.equal(
      formatThreads([leaf(20)], (uid) => uid / 10),
      ' (2)',
    ));

  it('writes a chain of any length', () => {
    let node = leaf(1);
    for (let i = 0; i < 50_000; i += 1) node = { uid: 1, children: [node] };
    assert.equal(formatThreads([node]).length, 100_004);
    let wide: ThreadNode = leaf(1);
    for (let i = 0; i < 50_000; i += 1) wide = { uid: 1, children: [wide, leaf(2)] };
    assert.match(formatThreads([wide]), /^ \(1 \(1 \(1 /);
  });
});

describe('threadBySubject', () => {
  it('RFC 5256 §3: threads by date of their first message, its answers side by side', () => {
    const rows = rowsOf('5 "B"', '4 "A"', '1 "Re B"', '2 "B"', '9 "A"', '3 "C"');
    assert.equal(formatThreads(threadBySubject(rows)), ' (3 (4)(1))(6)(2 5)');
  });
});

describe('threadByReferences', () => {
  it('RFC 5256 §3 (1): answers hang on what they answer', () =>
    assert.equal(
      references('1 "" a', '2 "" b < a', '3 "" c < a b', '4 "" d < a'),
      ' (1 (2 3)(4))',
    ));

  it('RFC 5256 §3 (1): in whatever order they come', () =>
    assert.equal(references('3 "" c < a b', '2 "" b < a', '1 "" a'), ' (3 2 1)'));

  it('RFC 5256 §3 (1): the second message of an identifier has none', () =>
    assert.equal(references('1 "" a', '2 "" a', '3 "" b < a'), ' (1 3)(2)'));

  it('RFC 5256 §3 (1): a message with no references has no parent, whoever says so', () =>
    assert.equal(references('1 "" c < a b', '2 "" a', '3 "" b'), ' (2)(3 1)'));

  it('RFC 5256 §3 (1): a message knows its own parent best', () =>
    assert.equal(references('1 "" c < a b', '2 "" a', '3 "" x', '4 "" b < x'), ' (2)(3 4 1)'));

  it('RFC 5256 §3 (1): loops are not closed', () => {
    assert.equal(references('1 "" a < a'), ' (1)');
    assert.equal(references('1 "" a < b', '2 "" b < a'), ' (2 1)');
    assert.equal(references('1 "" a < c', '2 "" b < a', '3 "" c < b'), ' (3 1 2)');
  });

  it('RFC 5256 §3 (3): what is missing leaves its place to its answers', () => {
    assert.equal(references('1 "" b < gone', '2 "" c < gone'), ' ((1)(2))');
    assert.equal(references('1 "" b < gone'), ' (1)');
    assert.equal(references('1 "" a', '2 "" c < a gone', '3 "" d < a gone'), ' (1 (2)(3))');
    assert.equal(references('1 "" x < g1 g2 g3', '2 "" y < g1 g2 g4'), ' ((1)(2))');
  });

  it('RFC 5256 §3 (4) and (6): siblings and threads are sorted by date', () =>
    assert.equal(
      references('9 "" a', '8 "" b < a', '7 "" c < a', '2 "" d', '3 "" e < z', '1 "" f < z'),
      ' ((6)(5))(4)(1 (3)(2))',
    ));

  it('RFC 5256 §3 (5): a reply joins the thread of its subject', () =>
    assert.equal(references('1 "S" a', '2 "Re S" b', '3 "Re S" c'), ' (1 (2)(3))'));

  it('RFC 5256 §3 (5): a reply that comes first joins it, too', () =>
    assert.equal(references('1 "Re S" a', '2 "S" b'), ' (2 1)'));

  it('RFC 5256 §3 (5): threads of one subject without a reply stand side by side', () => {
    assert.equal(references('1 "S" a', '2 "S" b', '3 "S" c'), ' ((1)(2)(3))');
    assert.equal(references('1 "Re S" a', '2 "Re S" b'), ' ((1)(2))');
  });

  it('RFC 5256 §3 (5): they join what is missing', () => {
    assert.equal(references('3 "S" a < gone', '4 "S" b < gone', '1 "S" c'), ' ((3)(1)(2))');
    assert.equal(
      references('1 "S" a < g', '2 "S" b < g', '3 "S" c < h', '4 "S" d < h'),
      ' ((1)(2)(3)(4))',
    );
  });

  it('RFC 5256 §3 (5): messages without a subject are left alone', () =>
    assert.equal(references('1 "" a', '2 "" b'), ' (1)(2)'));

  const id = fc.constantFrom('', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
  const row = fc.record({
    sent: fc.nat(5),
    subject: fc.constantFrom('', 'S', 'T'),
    isReply: fc.boolean(),
    messageId: id,
    references: fc.array(id, { maxLength: 5 }),
  });

  it('has every message once, and a dummy only at the top over two or more', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 12 }), (made) => {
        const rows = made.map((facts, i) => ({ ...facts, uid: i + 1 }));
        const seen: number[] = [];
        const walk = (nodes: readonly ThreadNode[], top: boolean): void => {
          for (const node of nodes) {
            if (node.uid !== undefined) seen.push(node.uid);
            else assert.ok(top && node.children.length > 1);
            walk(node.children, false);
          }
        };
        walk(threadByReferences(rows), true);
        assert.deepEqual(
          seen.sort((a, b) => a - b),
          rows.map(({ uid }) => uid),
        );
      }),
      { numRuns: 500 },
    );
  });

  /** Quadratic work would make these take minutes, recursion would overflow the stack. */
  const many = 100_000;
  const hostile = (referencesOf: (i: number) => string[]): ThreadRow[] =>
    Array.from({ length: many }, (_, i) => ({
      uid: i + 1,
      sent: i,
      subject: '',
      isReply: false,
      messageId: `${i}`,
      references: referencesOf(i),
    }));
  for (const [what, referencesOf] of [
    ['a chain', (i: number) => [`${i - 1}`]],
    ['a chain backwards', (i: number) => [`${i + 1}`]],
    ['a ring', (i: number) => [`${(i + 1) % many}`]],
    ['a star', () => ['0']],
    ['pairs that are put together', (i: number) => [`${i ^ 1}`, `${(i * 7919) % many}`]],
    ['a chain that is cut and tied again', (i: number) => [`${i + 2}`, `${i + 1}`, `${i - 1}`]],
  ] as const) {
    it(`bears ${what} of ${many} messages`, () => {
      const text = formatThreads(threadByReferences(hostile(referencesOf)));
      assert.equal(text.match(/\d+/g)?.length, many);
    });
  }
});
