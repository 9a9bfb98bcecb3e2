// Does something with one of several, and says what came of it.

import type { ComponentChildren } from 'preact';
import { attempt } from '../toasts.ts';
import { Button, type ButtonProps } from './page.tsx';

interface ActButtonProps extends Pick<ButtonProps, 'icon' | 'kind'> {
  readonly act: () => Promise<unknown>;
  /** What is said when it is done. */
  readonly done: string;
  /** Then, done or not, what is shown is asked for again. */
  readonly then: () => void;
  /** With which one, for those who do not see where it stands. */
  readonly of?: string;
  readonly children: ComponentChildren;
}

export function ActButton({ act, done, then, of, children, ...button }: ActButtonProps) {
  const run = async () => {
    await act();
    return done;
  };
  return (
    <Button {...button} small onClick={() => void attempt(run).then(then)}>
      {children}
      {of !== undefined && <span class="visually-hidden"> {of}</span>}
    </Button>
  );
}
