// The head of a page, and panels on it.

import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { Icon, type IconName } from './icon.tsx';

interface PageHeadProps {
  readonly title: ComponentChildren;
  readonly about?: ComponentChildren;
  /** Buttons. */
  readonly children?: ComponentChildren;
}

export function PageHead({ title, about, children }: PageHeadProps) {
  return (
    <header class="page-head">
      <div>
        <h1>{title}</h1>
        {about !== undefined && <p>{about}</p>}
      </div>
      {children !== undefined && <div class="actions">{children}</div>}
    </header>
  );
}

export interface PanelHead {
  readonly title?: ComponentChildren;
  readonly about?: ComponentChildren;
  readonly aside?: ComponentChildren;
}

interface PanelProps extends PanelHead {
  /** Without space around: tables have their own. */
  readonly bare?: boolean;
  readonly children: ComponentChildren;
}

export function Panel({ title, about, aside, bare = false, children }: PanelProps) {
  const id = useId();
  return (
    <section class="panel" {...(title !== undefined && { 'aria-labelledby': id })}>
      {title !== undefined && (
        <header>
          <div>
            <h2 id={id}>{title}</h2>
            {about !== undefined && <p>{about}</p>}
          </div>
          {aside}
        </header>
      )}
      {bare ? children : <div class="body">{children}</div>}
    </section>
  );
}

export interface ButtonProps {
  readonly icon?: IconName;
  readonly kind?: 'primary' | 'danger' | 'plain';
  readonly small?: boolean;
  readonly disabled?: boolean;
  readonly title?: string;
  readonly onClick: () => void;
  readonly children: ComponentChildren;
}

export function Button(props: ButtonProps) {
  const { icon, kind, small = false, disabled, title, onClick, children } = props;
  return (
    <button
      type="button"
      class={`button ${kind ?? ''} ${small ? 'small' : ''}`}
      onClick={onClick}
      disabled={disabled}
      title={title}
    >
      {icon !== undefined && <Icon name={icon} size={14} />}
      {children}
    </button>
  );
}
