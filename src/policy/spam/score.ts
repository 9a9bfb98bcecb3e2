// How likely a message is spam, from how often its words were in either kind: Robinson's estimate of each
// word, put together by Fisher's method, as SpamBayes and bogofilter do. Pure, total: 0 is ham, 1 is spam, 0.5
// is not known. Few words that are known pull towards 0.5 by themselves.

import type { SpamCounts } from '../../store/spam-store.ts';

export interface SpamScore {
  /** 0 to 1. */
  readonly score: number;
  /** The words that told most, the most telling first. */
  readonly words: readonly string[];
}

/** What a word is worth that was never seen, and how much evidence that weighs: Robinson's x and s. */
const unknown = 0.5;
const strength = 0.45;
/** Words nearer to 0.5 tell nothing. */
const tellingFrom = 0.1;
/** Limits: words that count, and those that are told. */
const wordsMax = 150;
const toldMax = 5;

export function spamScore(learnt: SpamCounts, words: ReadonlyMap<string, SpamCounts>): SpamScore {
  const telling = [...words]
    .map(([word, counts]) => ({ word, p: wordProbability(counts, learnt) }))
    .filter(({ p }) => Math.abs(p - 0.5) >= tellingFrom)
    .sort((one, other) => Math.abs(other.p - 0.5) - Math.abs(one.p - 0.5))
    .slice(0, wordsMax);
  const score = combined(telling.map(({ p }) => p));
  const side = telling.filter(({ p }) => p > 0.5 === score > 0.5);
  return { score, words: side.slice(0, toldMax).map(({ word }) => word) };
}

/** How much a word speaks for spam: what it did so far, and less surely the more seldom it was seen. */
export function wordProbability({ spam, ham }: SpamCounts, learnt: SpamCounts): number {
  const spams = spam / Math.max(1, learnt.spam);
  const hams = ham / Math.max(1, learnt.ham);
  const seen = spam + ham;
  if (seen === 0) return unknown;
  return (strength * unknown + seen * (spams / (spams + hams))) / (strength + seen);
}

/** (1 + S - H) / 2, where either is how badly chance explains so much evidence for that side. */
export function combined(probabilities: readonly number[]): number {
  const degrees = 2 * probabilities.length;
  const surprise = (values: readonly number[]) =>
    1 - chiSquareTail(-2 * values.reduce((sum, p) => sum + Math.log(p), 0), degrees);
  const spam = surprise(probabilities.map((p) => 1 - p));
  const ham = surprise(probabilities);
  return (1 + spam - ham) / 2;
}

/** The probability that a chi-squared variable of so many degrees, an even number, is at least `x`. */
export function chiSquareTail(x: number, degrees: number): number {
  const half = x / 2;
  let term = Math.exp(-half);
  let sum = term;
  for (let i = 1; i < degrees / 2; i += 1) {
    term *= half / i;
    sum += term;
  }
  return Math.min(1, sum);
}
