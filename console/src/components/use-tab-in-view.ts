// A row of tabs that is wider than the window: the one that is shown is where it can be seen, and those beside it.

import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** For the row; `shown` is which of them is. */
export function useTabInView<E extends HTMLElement>(shown: string): RefObject<E | null> {
  const row = useRef<E>(null);
  useEffect(() => {
    const tab = row.current?.querySelector<HTMLElement>('[aria-current], [aria-selected="true"]');
    if (tab == null || row.current === null) return;
    const { offsetLeft, offsetWidth } = tab;
    // Not `scrollIntoView`, which may move the page, too.
    row.current.scrollLeft =
      offsetLeft - row.current.offsetLeft - (row.current.clientWidth - offsetWidth) / 2;
  }, [shown]);
  return row;
}
