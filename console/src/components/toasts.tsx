// Where toasts appear.

import { dismiss, openDialogs, toasts } from '../toasts.ts';
import { Icon } from './icon.tsx';
import { Markdown } from './markdown.tsx';

export function Toasts() {
  return <ToastRegion isHere={openDialogs.value === 0} />;
}

export function ToastRegion({ isHere }: { readonly isHere: boolean }) {
  const shown = isHere ? toasts.value : [];
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.map(({ id, kind, text }) => (
        <div key={id} class={`toast ${kind}`}>
          <Icon name={kind === 'good' ? 'check' : 'warn'} />
          <span>
            <Markdown text={text} />
          </span>
          <button
            type="button"
            class="button plain small icon-only"
            aria-label="Dismiss"
            onClick={() => dismiss(id)}
          >
            <Icon name="cross" size={12} />
          </button>
        </div>
      ))}
    </div>
  );
}
