// A message, seen in several ways.

import type { ComponentType } from 'preact';
import { useState } from 'preact/hooks';
import { useTabInView } from '../components/use-tab-in-view.ts';
import { HeaderTab } from './header-tab.tsx';
import { HtmlTab } from './html-tab.tsx';
import type { Mail, TabProps } from './mail.ts';
import { SourceTab } from './source-tab.tsx';
import { StructureTab } from './structure-tab.tsx';
import { TextTab } from './text-tab.tsx';

export type Tab = readonly [id: string, name: string, Content: ComponentType<TabProps>];

function tabsFor({ html }: Mail): readonly Tab[] {
  return [
    ...(html ? [['html', 'HTML', HtmlTab] as const] : []),
    ['text', 'Text', TextTab],
    ['headers', 'Headers', HeaderTab],
    ['structure', 'Structure', StructureTab],
    ['source', 'Source', SourceTab],
  ];
}

interface MailTabsProps extends TabProps {
  /** Beside those that every message has. */
  readonly more?: readonly Tab[];
}

export function MailTabs({ mail, at, more = [] }: MailTabsProps) {
  const tabs = [...tabsFor(mail), ...more];
  const [chosen, setChosen] = useState(tabs[0]![0]);
  const [shown, , Content] = tabs.find(([one]) => one === chosen) ?? tabs[0]!;
  const row = useTabInView<HTMLDivElement>(shown);
  return (
    <>
      <div ref={row} class="tabs" role="tablist" aria-label="How it is shown">
        {tabs.map(([one, name]) => (
          <button
            key={one}
            type="button"
            role="tab"
            id={`tab-${one}`}
            class="tab"
            aria-selected={one === shown}
            aria-controls="tab-panel"
            tabIndex={one === shown ? 0 : -1}
            onClick={() => setChosen(one)}
            onKeyDown={(event) => step(event, tabs, shown, setChosen)}
          >
            {name}
          </button>
        ))}
      </div>
      <div class="tab-panel" id="tab-panel" role="tabpanel" aria-labelledby={`tab-${shown}`}>
        <Content mail={mail} at={at} />
      </div>
    </>
  );
}

/** Arrows walk through tabs. */
function step(
  event: KeyboardEvent,
  tabs: readonly Tab[],
  shown: string,
  choose: (id: string) => void,
): void {
  const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
  if (by === 0) return;
  const at = tabs.findIndex(([one]) => one === shown);
  const [next] = tabs[(at + by + tabs.length) % tabs.length]!;
  choose(next);
  document.getElementById(`tab-${next}`)?.focus();
}
