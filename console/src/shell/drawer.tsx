// The navigation on a small screen.

import { useEffect, useRef } from 'preact/hooks';
import type { SessionFacts } from '../../../src/web/session/session.ts';
import { Navigation } from './navigation.tsx';

interface DrawerProps {
  readonly facts: SessionFacts;
  readonly onClose: () => void;
}

export function Drawer({ facts, onClose }: DrawerProps) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => {
      // Closed by Escape it has given the focus back. Whoever went to a page goes on there.
      if (dialog?.open !== true) return;
      dialog.close();
      document.querySelector('main')?.focus({ preventScroll: true });
    };
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it; the click is for what lies around it.
    <dialog
      ref={ref}
      class="drawer"
      aria-label="Pages"
      onClose={onClose}
      onClick={(event) => {
        if (event.target === ref.current) onClose();
      }}
    >
      <Navigation facts={facts} />
    </dialog>
  );
}
