// A state in a word: colour, icon and text say the same.

import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from './icon.tsx';

export type Tone = 'good' | 'wait' | 'bad' | 'calm' | 'accent';

const icons: Readonly<Record<Tone, IconName | undefined>> = {
  good: 'check',
  wait: 'clock',
  bad: 'cross',
  calm: undefined,
  accent: undefined,
};

interface BadgeProps {
  readonly tone?: Tone;
  /** Null: none, whatever the tone has. */
  readonly icon?: IconName | null | undefined;
  readonly title?: string;
  readonly children: ComponentChildren;
}

export function Badge({ tone = 'calm', icon = icons[tone], title, children }: BadgeProps) {
  return (
    <span class={`badge ${tone}`} title={title}>
      {icon != null && <Icon name={icon} size={12} />}
      {children}
    </span>
  );
}
