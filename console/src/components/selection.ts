// Rows that are chosen for something to be done with all of them.

import { useMemo, useState } from 'preact/hooks';

export interface Selection {
  readonly chosen: readonly string[];
  readonly has: (id: string) => boolean;
  readonly toggle: (id: string) => void;
  /** All of these, or none if all were chosen. */
  readonly toggleAll: (ids: readonly string[]) => void;
  readonly clear: () => void;
}

/** What is not shown any more is not chosen. */
export function useSelection(shown: readonly string[]): Selection {
  const [all, setAll] = useState<ReadonlySet<string>>(new Set());
  return useMemo(() => {
    const visible = shown.filter((id) => all.has(id));
    return {
      chosen: visible,
      has: (id) => all.has(id),
      toggle: (id) =>
        setAll((last) => {
          const next = new Set(last);
          if (!next.delete(id)) next.add(id);
          return next;
        }),
      toggleAll: (ids) => setAll(visible.length === ids.length ? new Set() : new Set(ids)),
      clear: () => setAll(new Set()),
    };
  }, [all, shown]);
}
