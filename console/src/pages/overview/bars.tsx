// The most frequent of something, as bars that lead to what they count.

import { number } from '../../format.ts';

interface BarsProps {
  readonly items: readonly { readonly name: string; readonly count: number }[];
  /** One of the colours for series. */
  readonly color: 1 | 3 | 4;
  readonly to: (name: string) => string;
  /** What is said where there are none. */
  readonly none: string;
}

const shownMax = 8;

export function Bars({ items, color, to, none }: BarsProps) {
  if (items.length === 0) return <p class="faint">{none}</p>;
  const most = Math.max(...items.map(({ count }) => count));
  return (
    <ol class="bars">
      {items.slice(0, shownMax).map(({ name, count }) => (
        <li key={name}>
          <div class="name">
            <a href={to(name)}>{name === '<>' ? 'the null sender (notifications)' : name}</a>
            <span>{number(count)}</span>
          </div>
          <div class="bar">
            <i class={`s${color}`} style={{ width: `${(100 * count) / most}%` }} />
          </div>
        </li>
      ))}
    </ol>
  );
}
