import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../base/test-properties.ts';
import { chiSquareTail, combined, spamScore, wordProbability } from './score.ts';

const near = (actual: number, expected: number, within = 0.0005) =>
  assert(Math.abs(actual - expected) <= within, `${actual} is not ${expected}`);

describe('spamScore', () => {
  it('has the tail of the chi-squared distribution as tables have it', () => {
    for (const [x, degrees, tail] of [
      [5.991, 2, 0.05],
      [9.488, 4, 0.05],
      [18.307, 10, 0.05],
      [23.209, 10, 0.01],
      [10.851, 20, 0.95],
      [0, 2, 1],
    ] as const)
      near(chiSquareTail(x, degrees), tail);
  });

  it("estimates a word as Robinson's formula does", () => {
    const learnt = { spam: 100, ham: 200 };
    // 10 of 100 spam, 5 of 200 ham: 0.1 / (0.1 + 0.025) = 0.8; (0.225 + 15 × 0.8) / 15.45
    near(wordProbability({ spam: 10, ham: 5 }, learnt), 12.225 / 15.45);
    // Seen once, in spam: (0.225 + 1) / 1.45
    near(wordProbability({ spam: 1, ham: 0 }, learnt), 0.8448);
    near(wordProbability({ spam: 0, ham: 0 }, learnt), 0.5);
  });

  it("puts words together by Fisher's method", () => {
    // One word of 0.8: S = 1 - 0.2, H = 1 - 0.8.
    near(combined([0.8]), 0.8);
    // Two: exp(-m) (1 + m) with m = -ln of the product. S: 0.04 (1 + 3.2189); H: 0.64 (1 + 0.4463).
    near(combined([0.8, 0.8]), (1 + (1 - 0.16876) - (1 - 0.92563)) / 2);
    near(combined([0.9, 0.1]), 0.5);
    near(combined([]), 0.5);
    assert(combined(new Array(150).fill(0.999)) > 0.999);
    assert(combined(new Array(150).fill(0.001)) < 0.001);
  });

  it('names the words that told most, of the side that won', () => {
    const learnt = { spam: 50, ham: 50 };
    const words = new Map([
      ['pills', { spam: 40, ham: 0 }],
      ['the', { spam: 49, ham: 50 }],
      ['cheap', { spam: 30, ham: 1 }],
      ['meeting', { spam: 1, ham: 2 }],
      ['free', { spam: 20, ham: 1 }],
    ]);
    const { score, words: told } = spamScore(learnt, words);
    assert(score > 0.95, String(score));
    assert.deepEqual(told, ['pills', 'cheap', 'free']);
    assert.deepEqual(spamScore(learnt, new Map()), { score: 0.5, words: [] });
  });

  it('is a number from 0 to 1, whatever was counted', () => {
    const counts = fc.record({ spam: fc.nat(1000), ham: fc.nat(1000) });
    fc.assert(
      fc.property(counts, fc.array(counts, { maxLength: 300 }), (learnt, list) => {
        const words = new Map(list.map((each, i) => [`w${i}`, each]));
        const { score } = spamScore(learnt, words);
        assert(score >= 0 && score <= 1);
      }),
    );
  });
});
