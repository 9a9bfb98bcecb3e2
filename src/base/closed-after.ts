// For tests that may hang: `await using` closes nothing where a test never comes to its end, and what
// stays open (a thread, a server) keeps the test's process alive for ever.

import type { TestContext } from 'node:test';

/** Closed when the test is over, also when it is over because its time is. */
export function closedAfter<T extends AsyncDisposable>(t: TestContext, opened: T): T {
  t.after(() => opened[Symbol.asyncDispose]());
  return opened;
}
