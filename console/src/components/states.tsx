// What stands where there is nothing to show: not yet, not any more, or because something went wrong. An empty place says
// what to do next.

import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from './icon.tsx';
import { Markdown } from './markdown.tsx';

export function Waiting({ what }: { readonly what: string }) {
  return (
    <div class="empty" role="status">
      <span class="spinner" />
      <p>{what} …</p>
    </div>
  );
}

export function Problem({ text, retry }: { readonly text: string; readonly retry?: () => void }) {
  return (
    <div class="note bad" role="alert">
      <Icon name="warn" />
      <div>
        <Markdown text={text} />
      </div>
      {retry !== undefined && (
        <button type="button" class="button small" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

interface EmptyProps {
  readonly icon: IconName;
  readonly title: string;
  readonly children?: ComponentChildren;
}

export function Empty({ icon, title, children }: EmptyProps) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children}
    </div>
  );
}
