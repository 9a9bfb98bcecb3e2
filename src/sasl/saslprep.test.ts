import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { saslprep } from './saslprep.ts';

describe('saslprep', () => {
  // RFC 4013 §3 has the first six; its seventh (U+0627 U+0031) is a deviation of ours.
  for (const [title, input, expected] of [
    ['SOFT HYPHEN mapped to nothing', 'I\u00adX', 'IX'],
    ['no transformation', 'user', 'user'],
    ['case preserved, will not match #2', 'USER', 'USER'],
    ['output is NFKC, input in ISO 8859-1', '\u00aa', 'a'],
    ['output is NFKC, will match #1', '\u2168', 'IX'],
    ['prohibited character', '\u0007', undefined],
    ['right to left with a digit', '\u0627\u0031', '\u0627\u0031'],
    ['composed and decomposed are one', 'u\u0308', '\u00fc'],
    ['spaces of other scripts', 'a\u3000b\u00a0c', 'a b c'],
    ['a flag of two characters', '🇩🇪 🔑', '🇩🇪 🔑'],
    ['private use', '\ue000', undefined],
    ['a lone surrogate', '\ud800', undefined],
    ['a tag', '\u{e0041}', undefined],
    ['text direction', 'a\u202eb', undefined],
    ['a replacement character', '\ufffd', undefined],
    ['a combining mark beside a plain letter', '\u0301a', '\u0301a'],
    ['delete', '\x7f', undefined],
    ['nothing', '', ''],
  ] as const)
    it(`RFC 4013: ${title}`, () => assert.equal(saslprep(input), expected));
});
