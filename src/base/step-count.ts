// For tests: how many steps a piece of code takes, counted rather than timed, so that "linear" is a
// fact that a busy machine cannot bend. V8 counts how often each block of our code runs; how far the
// searches of strings and buffers look is added. Within a regular expression nothing can be counted.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Session } from 'node:inspector';
import { setFlagsFromString } from 'node:v8';

type Search = (this: string | Uint8Array, needle: never, from?: number) => number;

// From here to the end of the process: V8 has counters for the blocks of those functions only that it
// compiles afterwards, and it compiles a function when it is first called.
const session = new Session();
session.connect();
session.post('Profiler.enable');
startCoverage();

/** Whatever V8 has optimised it forgets, for that counts less. */
function startCoverage(): void {
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
}

/** Until it is disposed of, V8 interprets: everything else of a test would be slow with it. */
function withoutCompilers(): Disposable {
  setCompilers('--no-');
  return { [Symbol.dispose]: () => setCompilers('--') };
}

function setCompilers(prefix: '--' | '--no-'): void {
  for (const compiler of ['turbofan', 'maglev', 'sparkplug'])
    setFlagsFromString(`${prefix}${compiler}`);
}

/** For each of `runs`: the blocks of our own code that ran, and the octets or characters searched. */
function countSteps(runs: readonly (() => void)[]): number[] {
  using searches = countSearches();
  using _ = withoutCompilers();
  startCoverage();
  blocksSinceLast();
  return runs.map((run) => {
    searches.length = 0;
    run();
    const { length } = searches;
    return blocksSinceLast() + length;
  });
}

function blocksSinceLast(): number {
  let blocks = 0;
  session.post('Profiler.takePreciseCoverage', (error, coverage) => {
    if (error !== null) throw error;
    for (const { url, functions } of coverage.result)
      if (url.includes('/src/'))
        for (const { ranges } of functions) for (const { count } of ranges) blocks += count;
  });
  return blocks;
}

function countSearches(): { length: number } & Disposable {
  const searches = { length: 0, [Symbol.dispose]: () => restore.forEach((undo) => void undo()) };
  const restore = [String.prototype, Buffer.prototype].map((prototype) => {
    const original = prototype.indexOf as Search;
    function indexOf(this: string | Uint8Array, needle: never, from = 0): number {
      const at = original.call(this, needle, from);
      searches.length += Math.max(0, (at < 0 ? this.length : at) - from);
      return at;
    }
    Object.assign(prototype, { indexOf });
    return () => Object.assign(prototype, { indexOf: original });
  });
  return searches;
}

/** Limit: four times the input may take this many times the steps; what is quadratic takes 16. */
const growthMax = 4.5;

/**
 * Asserts that `run` takes steps in proportion to its input: `make(count)`, and `make(4 * count)`. One
 * more run, twenty times as long, is for what cannot be counted: a regular expression that looks
 * back again and again does not end within the time that a test may take.
 */
export function assertLinear<T>(
  run: (input: T) => unknown,
  make: (times: number) => T,
  count = 1_000,
): void {
  const inputs = [count, 4 * count].map(make);
  const [few = 0, many = 0] = countSteps(inputs.map((input) => () => void run(input)));
  assert.ok(few > 0, 'nothing was counted');
  assert.ok(many <= growthMax * few, `${few} steps, four times the input takes ${many}`);
  run(make(20 * count));
}

/**
 * Asserts that whatever else waits in the thread waits for no more than `stepsMax` steps while `run` is under
 * way, and that it takes `totalMax` in all. Octets that are hashed here, and characters that a replacement
 * looks at, are steps, too.
 */
export async function assertShortTurns(
  run: () => Promise<unknown>,
  { stepsMax, totalMax }: { readonly stepsMax: number; readonly totalMax: number },
): Promise<void> {
  using searches = countSearches();
  using others = countNative();
  using _ = withoutCompilers();
  startCoverage();
  let longest = 0;
  let total = 0;
  let isOver = false;
  const look = () => {
    const steps = blocksSinceLast() + searches.length + others.length;
    searches.length = 0;
    others.length = 0;
    longest = Math.max(longest, steps);
    total += steps;
    if (!isOver) setImmediate(look);
  };
  blocksSinceLast();
  setImmediate(look);
  await run();
  isOver = true;
  look();
  assert.ok(total > 0, 'nothing was counted');
  assert.ok(longest <= stepsMax, `others wait for ${longest} steps`);
  assert.ok(total <= totalMax, `${total} steps`);
}

/** What runs outside of our own code. */
function countNative(): { length: number } & Disposable {
  const counted = { length: 0, [Symbol.dispose]: () => restore.forEach((undo) => void undo()) };
  function counting(prototype: object, name: string, cost: (self: never, data: never) => number) {
    const original = Reflect.get(prototype, name) as (...args: unknown[]) => unknown;
    const wrapped = function (this: never, ...args: never[]): unknown {
      counted.length += cost(this, args[0]!);
      return original.apply(this, args);
    };
    Object.assign(prototype, { [name]: wrapped });
    return () => Object.assign(prototype, { [name]: original });
  }
  const hash = Object.getPrototypeOf(createHash('sha256')) as object;
  const restore = [
    counting(hash, 'update', (_, data: Uint8Array) => data.length),
    counting(String.prototype, 'replace', (text: string) => text.length),
  ];
  return counted;
}
