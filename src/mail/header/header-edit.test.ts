import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../base/test-properties.ts';
import { memory, spliced } from './header-cut.ts';
import { HeaderEdit } from './header-edit.ts';

const content = Buffer.from(
  'Subject: hello\r\nX-Twice: 1\r\nX-Long:  two\r\n\tlines\r\nx-twice: 2\r\n\r\nbody: text\r\n',
);
const pieces = { above: 'Results: ours\r\n', below: 'Date: today\r\n', head: content };
const value = (text: string) => Buffer.from(text);

/** What is sent on, our Received where it will be. */
function made(edit: HeaderEdit, bytes: Uint8Array = content): string {
  const { above, below, splices } = edit.result();
  const kept = spliced(memory(bytes), splices).bytes!;
  return `${above}Received: us\r\n${below}${Buffer.from(kept).toString('latin1')}`;
}

const [top, received, date, subject, one, long, two, rest] = [
  ...['Results: ours\r\n', 'Received: us\r\n', 'Date: today\r\n', 'Subject: hello\r\n'],
  ...['X-Twice: 1\r\n', 'X-Long:  two\r\n\tlines\r\n', 'x-twice: 2\r\n', '\r\nbody: text\r\n'],
] as const;

describe('HeaderEdit', () => {
  it('shows all fields but our Received, values as they are', () => {
    const seen = [...new HeaderEdit(pieces).fields()].map(({ name, value: bytes }) => [
      name,
      Buffer.from(bytes).toString(),
    ]);
    assert.deepEqual(seen, [
      ['Results', ' ours'],
      ['Date', ' today'],
      ['Subject', ' hello'],
      ['X-Twice', ' 1'],
      ['X-Long', '  two\r\n\tlines'],
      ['x-twice', ' 2'],
    ]);
  });

  const cases: [string, (edit: HeaderEdit) => void, string[]][] = [
    ['nothing', () => {}, [top, received, date, subject, one, long, two]],
    [
      'fields behind all others, in order',
      (edit) => {
        edit.append('X-A', value(' 1'));
        edit.append('X-B', value(' 2\n\tmore'));
      },
      [top, received, date, subject, one, long, two, 'X-A: 1\r\n', 'X-B: 2\r\n\tmore\r\n'],
    ],
    [
      'a field at the top',
      (edit) => edit.insert(0, 'X-A', value(' 1')),
      ['X-A: 1\r\n', top, received, date, subject, one, long, two],
    ],
    [
      'a field below our Received, which counts',
      (edit) => edit.insert(2, 'X-A', value(' 1')),
      [top, received, 'X-A: 1\r\n', date, subject, one, long, two],
    ],
    [
      'fields in the middle of the content',
      (edit) => {
        edit.insert(5, 'X-A', value(' 1'));
        edit.insert(6, 'X-B', value(' 2'));
      },
      [top, received, date, subject, one, 'X-A: 1\r\n', 'X-B: 2\r\n', long, two],
    ],
    [
      'a field behind the last, where there are not so many',
      (edit) => edit.insert(100, 'X-A', value(' 1')),
      [top, received, date, subject, one, long, two, 'X-A: 1\r\n'],
    ],
    [
      'the second of a name, whatever its case',
      (edit) => edit.change(2, 'X-TWICE', value(' new')),
      [top, received, date, subject, one, long, 'X-TWICE: new\r\n'],
    ],
    [
      'one that is not there is added',
      (edit) => edit.change(9, 'X-Nine', value(' 9')),
      [top, received, date, subject, one, long, two, 'X-Nine: 9\r\n'],
    ],
    [
      'what was taken out does not count any more, as with Postfix',
      (edit) => {
        edit.change(1, 'X-Twice', undefined);
        edit.change(2, 'X-Twice', undefined);
      },
      [top, received, date, subject, long, two],
    ],
    [
      'all of a name, wherever they are',
      (edit) => {
        edit.append('X-Twice', value(' 3'));
        edit.remove('x-twice');
        edit.remove('Results');
      },
      [received, date, subject, long],
    ],
    [
      'fields above and below are changed as others are',
      (edit) => {
        edit.change(1, 'Results', undefined);
        edit.change(0, 'Date', value(' tomorrow'));
        edit.change(1, 'Received', undefined);
      },
      [received, 'Date: tomorrow\r\n', subject, one, long, two],
    ],
    [
      'what was put in can be changed',
      (edit) => {
        edit.insert(0, 'X-A', value(' 1'));
        edit.change(1, 'X-A', value(' 2'));
        edit.append('X-B', value(' 3'));
        edit.change(1, 'X-B', undefined);
      },
      ['X-A: 2\r\n', top, received, date, subject, one, long, two],
    ],
    [
      'a value makes one field, whatever is in it',
      (edit) => edit.append('X-A', value(' 1\r\nX-Forged: yes\n\n\r\r\n \nmore\0\n')),
      [top, received, date, subject, one, long, two, 'X-A: 1\r\n\tX-Forged: yes\r\n\tmore\r\n'],
    ],
  ];
  for (const [why, change, fields] of cases) {
    it(why, () => {
      const edit = new HeaderEdit(pieces);
      change(edit);
      assert.equal(made(edit), fields.join('') + rest);
    });
  }

  it('a message without a header, and one that is nothing but header', () => {
    const none = Buffer.from('\r\ntext\r\n');
    const edit = new HeaderEdit({ above: '', below: '', head: none });
    edit.append('X-A', value(' 1'));
    assert.equal(made(edit, none), 'Received: us\r\nX-A: 1\r\n\r\ntext\r\n');
    const open = Buffer.from('Subject: a');
    const other = new HeaderEdit({ above: '', below: '', head: open });
    other.append('X-A', value(' 1'));
    other.append('X-B', value(' 2'));
    assert.equal(made(other, open), 'Received: us\r\nSubject: a\r\nX-A: 1\r\nX-B: 2\r\n');
  });

  it('octets that are no text stay as they are', () => {
    const edit = new HeaderEdit({ ...pieces, above: '', below: '' });
    edit.change(1, 'Subject', Buffer.from([0x20, 0xe9, 0x21]));
    assert.match(made(edit), /Subject: \xe9!\r\n/);
    const top = new HeaderEdit(pieces);
    top.insert(0, 'X-Top', Buffer.from([0x20, 0xe9]));
    top.insert(3, 'X-Below', Buffer.from([0x20, 0xe8]));
    top.insert(0, 'X-Text', value(' \u00e9'));
    const { above } = top.result();
    assert.equal(above, 'X-Text: \u00e9\r\nResults: ours\r\n');
    assert.match(
      made(top),
      /\r\nDate: today\r\nX-Top: \xe9\r\nX-Below: \xe8\r\nSubject: hello\r\n/,
    );
  });
});

describe('spliced', () => {
  it('gives the same however the content comes', async () => {
    const text = fc.uint8Array({ maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.array(fc.tuple(fc.nat(40), fc.nat(6), fc.uint8Array({ maxLength: 4 })), {
          maxLength: 5,
        }),
        fc.integer({ min: 1, max: 9 }),
        async (bytes, wanted, size) => {
          const splices: { start: number; end: number; put: Uint8Array }[] = [];
          let from = 0;
          for (const [at, length, put] of wanted.toSorted(([a], [b]) => a - b)) {
            const start = Math.min(Math.max(at, from), bytes.length);
            const end = Math.min(start + length, bytes.length);
            splices.push({ start, end, put });
            from = end;
          }
          let plain = Buffer.from(bytes);
          for (const { start, end, put } of splices.toReversed())
            plain = Buffer.concat([plain.subarray(0, start), put, plain.subarray(end)]);
          assert.deepEqual(Buffer.from(spliced(memory(bytes), splices).bytes!), plain);
          const file = {
            size: bytes.length,
            async *read() {
              for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
            },
          };
          const copy = spliced(file, splices);
          const got = Buffer.concat(await Array.fromAsync(copy.read()));
          assert.deepEqual(got, plain);
          assert.equal(copy.size, plain.length);
        },
      ),
    );
  });
});
