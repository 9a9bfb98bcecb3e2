// What a component shows of the server: asked when it appears, when what it asks for changes, on demand, and from
// time to time while somebody looks. The last answer stays until there is a new one, so that nothing flickers.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { wordsFor } from './api.ts';

export interface Answer<T> {
  readonly data: T | undefined;
  readonly error: string | undefined;
  /** Nothing is known yet, or something else was asked for. */
  readonly loading: boolean;
  readonly reload: () => void;
}

interface State<T> {
  readonly key: string;
  readonly data?: T | undefined;
  readonly error?: string | undefined;
}

/** `key` names what is asked for. @param everyMs how often it is asked again while the page is seen */
export function useAnswer<T>(
  key: string,
  load: (signal: AbortSignal) => Promise<T>,
  { everyMs }: { readonly everyMs?: number } = {},
): Answer<T> {
  const [state, setState] = useState<State<T>>({ key });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  const reload = useCallback(() => setTurn((last) => last + 1), []);
  useEffect(() => {
    const gone = new AbortController();
    latest.current(gone.signal).then(
      (data) => {
        if (!gone.signal.aborted) setState({ key, data });
      },
      (error: unknown) => {
        if (gone.signal.aborted) return;
        setState((last) => ({ ...(last.key === key ? last : { key }), error: wordsFor(error) }));
      },
    );
    return () => gone.abort();
  }, [key, turn]);
  useEffect(() => {
    if (everyMs === undefined) return;
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') reload();
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs, reload]);
  const isCurrent = state.key === key;
  return {
    data: isCurrent ? state.data : undefined,
    error: isCurrent ? state.error : undefined,
    loading: !isCurrent || (state.data === undefined && state.error === undefined),
    reload,
  };
}
