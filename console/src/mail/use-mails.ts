// The messages that a list shows: asked for again from time to time, and when another is opened.

import { useEffect, useState } from 'preact/hooks';
import type { AnswerOf } from '../api.ts';
import { path, words } from '../router.ts';
import { type Answer, useAnswer } from '../use-answer.ts';
import type { Pages } from '../use-pages.ts';

type Found = AnswerOf<'mailSearch'>;
export type Mails = Answer<Found> & Pick<Pages<unknown>, 'more' | 'isMoreComing'>;

interface Asked {
  readonly query?: string;
  readonly timeZone: string;
  readonly limit: number;
}

/** Messages that are shown at first, and how many more each time. */
const pageLines = 50;
const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** `key` names the list; `find` gives undefined where there is none. */
export function useMails(
  key: string,
  find: (asked: Asked, signal: AbortSignal) => Promise<Found | undefined>,
  options: { readonly everyMs: number },
): Mails {
  const text = words.value;
  const [limit, setLimit] = useState(pageLines);
  const answer = useAnswer(
    `mail ${key} ${text} ${limit}`,
    (signal) => find({ ...(text !== '' && { query: text }), timeZone, limit }, signal),
    options,
  );
  const { data, reload } = answer;
  const openPath = path.value;
  // Reading one marks it as read.
  useEffect(() => reload(), [openPath, reload]);
  const more = data !== undefined && data.total > limit;
  return {
    ...answer,
    more: more ? () => setLimit(limit + pageLines) : undefined,
    isMoreComing: false,
  };
}
