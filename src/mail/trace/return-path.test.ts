import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Readable } from '../header/header-cut.ts';
import { readHeader, withoutRanges } from '../header/header-cut.ts';
import { returnPaths } from './return-path.ts';

const inMemory = (text: string): Readable => {
  const bytes = Buffer.from(text, 'latin1');
  return {
    ...{ size: bytes.length, bytes },
    async *read() {
      yield bytes;
    },
  };
};

const inPieces = (text: string, octets: number): Readable => ({
  size: text.length,
  async *read() {
    for (let at = 0; at < text.length; at += octets)
      yield Buffer.from(text.slice(at, at + octets), 'latin1');
  },
});

async function kept(source: Readable): Promise<string> {
  const without = withoutRanges(source, returnPaths(await readHeader(source)));
  const pieces: Uint8Array[] = [];
  for await (const piece of without.read()) pieces.push(piece);
  const octets = Buffer.concat(pieces);
  assert.equal(without.size, octets.length);
  if (without.bytes !== undefined) assert.deepEqual(Buffer.from(without.bytes), octets);
  return octets.toString('latin1');
}

const rest = 'Subject: x\r\n\r\nReturn-Path: <body@a>\r\n';
const table: readonly (readonly [title: string, message: string, kept: string])[] = [
  ['none', rest, rest],
  ['the first field', `Return-Path: <a@b>\r\n${rest}`, rest],
  ['in another case, with white space before the colon', `RETURN-path \t: <a@b>\r\n${rest}`, rest],
  ['folded', `Return-Path:\r\n <a@b>\r\n\t(x)\r\n${rest}`, rest],
  ['empty', `Return-Path:\r\n${rest}`, rest],
  [
    'several, first, in the middle and last',
    'return-path: <>\r\nReturn-Path: <1@a>\r\nA: b\r\nReturn-Path:\r\n <2@a>\r\nC: d\r\nReturn-Path: x\r\n\r\nz',
    'A: b\r\nC: d\r\n\r\nz',
  ],
  ['nothing else', 'Return-Path: <a@b>\r\n\r\n', '\r\n'],
  ['without a body or an end', 'Return-Path: <a@b>', ''],
  [
    'lines that end in LF',
    'Return-Path: <a@b>\nSubject: x\n\nReturn-Path: y\n',
    'Subject: x\n\nReturn-Path: y\n',
  ],
  [
    'other names, other places',
    'X-Return-Path: a\r\nReturn-Path-Hint: b\r\nSubject: Return-Path: c\r\n Return-Path: d\r\n\r\n',
    'X-Return-Path: a\r\nReturn-Path-Hint: b\r\nSubject: Return-Path: c\r\n Return-Path: d\r\n\r\n',
  ],
  ['8-bit and NUL octets', `A: \xe9\0\r\nReturn-Path: \xff\r\n${rest}`, `A: \xe9\0\r\n${rest}`],
];

describe('mail/return-path', () => {
  for (const [title, message, wanted] of table)
    it(`RFC 5321 §4.4: takes out Return-Path, and nothing else: ${title}`, async () => {
      assert.equal(await kept(inMemory(message)), wanted);
      for (const octets of [1, 2, 3, 7, 64, 1000])
        assert.equal(await kept(inPieces(message, octets)), wanted, `pieces of ${octets}`);
    });

  it('finds one far down in a large header', async () => {
    const many = 'X-Field: value\r\n'.repeat(20_000);
    const body = `\r\n${'body\r\n'.repeat(50_000)}`;
    const message = `${many}Return-Path: <a@b>\r\n${body}`;
    assert.equal(await kept(inMemory(message)), many + body);
    assert.equal(await kept(inPieces(message, 65_536)), many + body);
  });

  it('reads no more of large content than its header', async () => {
    let pieces = 0;
    const source: Readable = {
      size: 1e6,
      async *read() {
        for (;;) {
          pieces += 1;
          yield Buffer.from(`A: b\r\n\r\n${'x'.repeat(1_000)}`);
        }
      },
    };
    await readHeader(source);
    assert.equal(pieces, 1);
  });
});
