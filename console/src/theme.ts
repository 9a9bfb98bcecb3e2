// Light or dark: what the system says, unless somebody chose.

import { effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';
const key = 'postrider-theme';
const dark = matchMedia('(prefers-color-scheme: dark)');
const systemIsDark = signal(dark.matches);

export const theme = signal<Theme>(kept());

export function startTheme(): void {
  dark.addEventListener('change', ({ matches }) => {
    systemIsDark.value = matches;
  });
  effect(() => {
    document.documentElement.dataset.theme = themeShown();
  });
}

export const themeShown = (): 'light' | 'dark' =>
  theme.value === 'system' ? (systemIsDark.value ? 'dark' : 'light') : theme.value;

export function chooseTheme(next: Theme): void {
  theme.value = next;
  try {
    if (next === 'system') localStorage.removeItem(key);
    else localStorage.setItem(key, next);
  } catch {
    // A browser that keeps nothing: it holds until the page is left.
  }
}

function kept(): Theme {
  try {
    const found = localStorage.getItem(key);
    return found === 'light' || found === 'dark' ? found : 'system';
  } catch {
    return 'system';
  }
}
