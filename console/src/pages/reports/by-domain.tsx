// Reports come in large numbers: what they say is shown for each domain that they are about, in figures and a table.

import type { ComponentChildren } from 'preact';
import { Panel } from '../../components/page.tsx';
import { counted } from '../../format.ts';

interface Report {
  readonly domain: string;
  readonly by: string;
}

interface ByDomainProps<R extends Report> {
  readonly reports: readonly R[];
  /** Behind who reports. */
  readonly about?: (reports: readonly R[]) => string;
  readonly children: (reports: readonly R[], domain: string) => ComponentChildren;
}

export function ByDomain<R extends Report>({ reports, about, children }: ByDomainProps<R>) {
  return (
    <>
      {[...Map.groupBy(reports, ({ domain }) => domain)].map(([domain, of]) => (
        <Panel
          key={domain}
          title={domain}
          about={`${counted(of.length, 'report')} by ${namesOf(of.map(({ by }) => by))}${about?.(of) ?? ''}`}
          bare
        >
          {children(of, domain)}
        </Panel>
      ))}
    </>
  );
}

/** Each once. */
export const namesOf = (names: readonly string[]): string => [...new Set(names)].join(', ');

export function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((all, item) => all + of(item), 0);
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly note?: string;
}

export function Figure({ name, value, note }: FigureProps) {
  return (
    <div class="stat">
      <span class="name">{name}</span>
      <span class="value">{value}</span>
      {note !== undefined && <span class="extra">{note}</span>}
    </div>
  );
}
