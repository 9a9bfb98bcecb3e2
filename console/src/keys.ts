// Keys: `/` searches, `g` and a letter goes to a page, `j` and `k` walk through lists, `?` shows them all.
// While somebody writes, or a dialog is open, keys are theirs.

import { signal } from '@preact/signals';
import { navigate } from './router.ts';
import { pages } from './routes.ts';

export const helpOpen = signal(false);

/** How long `g` waits for its letter. */
const patienceMs = 1500;

export const listKeys: readonly (readonly [key: string, what: string])[] = [
  ['/', 'search'],
  ['j / k', 'next, previous row of a list'],
  ['Enter', 'open the row'],
  ['x', 'choose the row'],
  ['?', 'these keys'],
  ['Esc', 'close, or leave a field'],
];

export function startKeys(): void {
  let goingSince = Number.NEGATIVE_INFINITY;
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.key === 'Escape') return leaveField();
    if (isTaken(event.target)) return;
    const isGoing = event.timeStamp - goingSince < patienceMs;
    goingSince = Number.NEGATIVE_INFINITY;
    if (isGoing) {
      const page = pages.find(({ key }) => key === event.key);
      if (page === undefined) return;
      event.preventDefault();
      return navigate(page.path);
    }
    const act = acts.get(event.key);
    if (event.key === 'g') goingSince = event.timeStamp;
    else if (act?.() === true) event.preventDefault();
  });
}

/** What single keys do; whether there was something to do. */
const acts: ReadonlyMap<string, () => boolean> = new Map([
  [
    '?',
    () => {
      helpOpen.value = true;
      return true;
    },
  ],
  [
    '/',
    () => {
      const field = document.querySelector<HTMLInputElement>('main input[type=search], .top input');
      field?.focus();
      field?.select();
      return field !== null;
    },
  ],
  ['j', () => walk(1)],
  ['k', () => walk(-1)],
  ['x', () => choose()],
]);

function isTaken(target: EventTarget | null): boolean {
  if (document.querySelector('dialog[open]') !== null) return true;
  return target instanceof HTMLElement && target.closest('input, select, textarea') !== null;
}

function leaveField(): void {
  if (document.querySelector('dialog[open]') !== null) return;
  const { activeElement } = document;
  if (activeElement instanceof HTMLInputElement) activeElement.blur();
}

/** The rows are links: Enter opens them without any help. */
function walk(by: 1 | -1): boolean {
  const links = [...document.querySelectorAll<HTMLElement>('main [data-row]')];
  const at = links.indexOf(document.activeElement as HTMLElement);
  const next = links[at === -1 ? (by === 1 ? 0 : links.length - 1) : at + by];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
  return next !== undefined;
}

function choose(): boolean {
  const box = document.activeElement
    ?.closest('tr')
    ?.querySelector<HTMLInputElement>('input[type=checkbox]');
  box?.click();
  return box !== null && box !== undefined;
}
