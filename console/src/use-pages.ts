// Lists, at once or page by page: the first page is looked at again from time to time, the others when somebody wants more.

import { useEffect, useState } from 'preact/hooks';
import { wordsFor } from './api.ts';
import { type Answer, useAnswer } from './use-answer.ts';

interface PageOf<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export interface Pages<T> {
  readonly items: readonly T[];
  readonly error: string | undefined;
  readonly loading: boolean;
  /** Undefined where there is no more. */
  readonly more: (() => void) | undefined;
  readonly isMoreComing: boolean;
  readonly reload: () => void;
}

/** There is no more of a list that comes at once. */
export const atOnce = { more: undefined, isMoreComing: false } as const;

/** A list that comes at once, and is undefined as `data` until it does. */
export function useList<T>(
  ...asked: Parameters<typeof useAnswer<readonly T[]>>
): Pages<T> & Answer<readonly T[]> {
  const answer = useAnswer(...asked);
  return { ...answer, items: answer.data ?? [], ...atOnce };
}

/** `key` names what is asked for; another one begins anew. */
export function usePages<T>(
  key: string,
  load: (after: string | undefined, signal?: AbortSignal) => Promise<PageOf<T>>,
  options: { readonly everyMs?: number } = {},
): Pages<T> {
  const first = useAnswer(key, (signal) => load(undefined, signal), options);
  const [rest, setRest] = useState<PageOf<T> & { readonly of: string }>();
  const [isMoreComing, setComing] = useState(false);
  const [failed, setFailed] = useState<string>();
  useEffect(() => {
    setRest(undefined);
    setFailed(undefined);
  }, [key]);
  const further = rest?.of === key ? rest : undefined;
  const next = (further ?? first.data)?.next ?? null;
  const more = async (after: string) => {
    setComing(true);
    try {
      const page = await load(after);
      setRest({ of: key, items: [...(further?.items ?? []), ...page.items], next: page.next });
      setFailed(undefined);
    } catch (error) {
      setFailed(wordsFor(error));
    }
    setComing(false);
  };
  return {
    items: [...(first.data?.items ?? []), ...(further?.items ?? [])],
    error: first.error ?? failed,
    loading: first.loading,
    more: next === null ? undefined : () => void more(next),
    isMoreComing,
    reload: () => {
      setFailed(undefined);
      first.reload();
    },
  };
}
