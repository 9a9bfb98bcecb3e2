// A step of a message's story.

import type { ComponentChildren } from 'preact';
import type { Tone } from '../../components/badge.tsx';
import { Icon, type IconName } from '../../components/icon.tsx';
import { When } from '../../components/time.tsx';

interface StepProps {
  readonly icon: IconName;
  readonly tone: Tone | 'now';
  readonly title: ComponentChildren;
  readonly at?: number;
  readonly children?: ComponentChildren;
}

export function Step({ icon, tone, title, at, children }: StepProps) {
  return (
    <li class={tone}>
      <span class="dot">
        <Icon name={icon} size={15} />
      </span>
      <div class="event">
        <header>
          <h2>{title}</h2>
          {at !== undefined && <When at={at} full />}
        </header>
        {children}
      </div>
    </li>
  );
}
