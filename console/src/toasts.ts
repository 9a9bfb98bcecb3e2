// Short words about what was done, or why not; they go by themselves, and are read aloud.

import { signal } from '@preact/signals';
import { wordsFor } from './api.ts';

export interface Toast {
  readonly id: number;
  readonly kind: 'good' | 'bad';
  readonly text: string;
}

export const toasts = signal<readonly Toast[]>([]);
/** Dialogs that are open: what is behind one is dim, and no screen reader reads it. So toasts appear within it. */
export const openDialogs = signal(0);
/** What went wrong is read more slowly. */
const shownMs = { good: 4000, bad: 10_000 };
const toastsMax = 4;
let last = 0;

export function say(text: string, kind: Toast['kind'] = 'good'): void {
  const id = ++last;
  toasts.value = [...toasts.value, { id, kind, text }].slice(-toastsMax);
  setTimeout(() => dismiss(id), shownMs[kind]);
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

/** Does it, and says what came of it; whether it was done. */
export async function attempt(work: () => Promise<string | undefined>): Promise<boolean> {
  try {
    const told = await work();
    if (told !== undefined) say(told);
    return true;
  } catch (error) {
    say(wordsFor(error), 'bad');
    return false;
  }
}
