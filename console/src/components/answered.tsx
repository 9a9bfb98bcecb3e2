// What the server answered, or that it is waited for; and above what is known, why there is nothing newer.

import type { ComponentChildren } from 'preact';
import type { Answer } from '../use-answer.ts';
import { Problem, Waiting } from './states.tsx';

interface AnsweredProps<T> {
  readonly answer: Answer<T>;
  /** What is done while it is waited for. */
  readonly waiting: string;
  readonly children: (data: T) => ComponentChildren;
}

export function Answered<T>({ answer, waiting, children }: AnsweredProps<T>) {
  const { data, error, loading, reload } = answer;
  return (
    <>
      {error !== undefined && <Problem text={error} retry={reload} />}
      {loading && <Waiting what={waiting} />}
      {data !== undefined && children(data)}
    </>
  );
}
