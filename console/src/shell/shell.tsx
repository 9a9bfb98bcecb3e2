// The frame around every page.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { SessionFacts } from '../../../src/web/session/session.ts';
import { Toasts } from '../components/toasts.tsx';
import { path } from '../router.ts';
import { KeyHelp } from './key-help.tsx';
import { Navigation } from './navigation.tsx';
import { TopBar } from './top-bar.tsx';

interface ShellProps {
  readonly facts: SessionFacts;
  readonly children: ComponentChildren;
}

export function Shell({ facts, children }: ShellProps) {
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const shown = path.value;
  // Whoever changed the page by keyboard or hears it goes on at its beginning.
  useEffect(() => {
    if (first.current) first.current = false;
    else if (document.activeElement === document.body || document.activeElement?.closest('.side'))
      main.current?.focus({ preventScroll: true });
  }, [shown]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Navigation facts={facts} />
      <TopBar facts={facts} />
      <main id="main" tabIndex={-1} ref={main}>
        {children}
      </main>
      <Toasts />
      <KeyHelp />
    </>
  );
}
