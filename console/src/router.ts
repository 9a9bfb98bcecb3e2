// Which page is shown: the address bar, as signals. Links stay ordinary links, so that they open in new tabs, are
// announced as links and can be copied; a click on one of ours changes the page without loading it.

import { computed, signal } from '@preact/signals';

const url = signal(new URL(location.href));

/** `/queue` */
export const path = computed(() => url.value.pathname);
export const query = computed(() => url.value.searchParams);
/** What is looked for on a page: `q` of the query. */
export const words = computed(() => query.value.get('q') ?? '');
/** The path's parts, decoded. */
export const parts = computed(() =>
  path.value
    .split('/')
    .filter((part) => part !== '')
    .map(decoded),
);

export function navigate(to: string, { replace = false } = {}): void {
  const next = new URL(to, location.href);
  if (next.href === url.value.href) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', next);
  const isNewPage = next.pathname !== url.value.pathname;
  url.value = next;
  if (isNewPage && !replace) scrollTo(0, 0);
}

/** Changes parts of the query; undefined and '' take one out. */
export function setQuery(change: Readonly<Record<string, string | undefined>>): void {
  const next = new URL(url.value);
  for (const [name, value] of Object.entries(change))
    if (value === undefined || value === '') next.searchParams.delete(name);
    else next.searchParams.set(name, value);
  navigate(next.href, { replace: true });
}

/** Begins to follow the address bar and clicks. */
export function startRouter(isOurs: (pathname: string) => boolean): void {
  addEventListener('popstate', () => {
    url.value = new URL(location.href);
  });
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest('a');
    if (link === null || link === undefined || link.target !== '' || link.hasAttribute('download'))
      return;
    const to = new URL(link.href);
    if (to.origin !== location.origin || !isOurs(to.pathname)) return;
    if (to.hash !== '' && to.pathname === location.pathname) return;
    event.preventDefault();
    navigate(to.href);
  });
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
