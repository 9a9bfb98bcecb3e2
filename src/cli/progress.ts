// How far something is that takes its time: a line now and then for people who wait.

import type { Context } from './context.ts';
import type { CommonOptions } from './settings.ts';

/** How often somebody who waits hears how far it is. */
const progressMs = 5000;

export function createProgress(context: Context, { json }: Pick<CommonOptions, 'json'>) {
  let last = performance.now();
  return (what: string, done: number, total: number) => {
    if (json || performance.now() - last < progressMs) return;
    last = performance.now();
    context.note(total > 1 ? `${what}: ${done} of ${total}` : what);
  };
}
