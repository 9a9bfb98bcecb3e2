// A moment: how long ago, or the day; the whole date for the pointer and for screen readers' users who ask.

import { signal } from '@preact/signals';
import { fullDate, relative, shortDate } from '../format.ts';

/** Ticks for all of them at once. */
const now = signal(Date.now());
setInterval(() => {
  if (document.visibilityState === 'visible') now.value = Date.now();
}, 5000);

export type Moment = number | string;
const msOf = (at: Moment): number => (typeof at === 'number' ? at : Date.parse(at));

export function Ago({ at }: { readonly at: Moment }) {
  const ms = msOf(at);
  return (
    <time class="nowrap" dateTime={new Date(ms).toISOString()} title={fullDate(ms)}>
      {relative(ms, Math.max(now.value, 0))}
    </time>
  );
}

export function When({ at, full = false }: { readonly at: Moment; readonly full?: boolean }) {
  const ms = msOf(at);
  return (
    <time class="nowrap" dateTime={new Date(ms).toISOString()} title={fullDate(ms)}>
      {full ? fullDate(ms) : shortDate(ms)}
    </time>
  );
}
