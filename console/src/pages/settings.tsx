// What the server is told by its administrators beside the configuration: tokens for programs, addresses that get no
// mail, webhooks, the audit log.

import type { ComponentType } from 'preact';
import { PageHead } from '../components/page.tsx';
import { useTabInView } from '../components/use-tab-in-view.ts';
import { parts } from '../router.ts';
import { Administrators } from './settings/administrators.tsx';
import { Audit } from './settings/audit.tsx';
import { Suppressions } from './settings/suppressions.tsx';
import { Tokens } from './settings/tokens.tsx';
import { Webhooks } from './settings/webhooks.tsx';

const sections: readonly (readonly [path: string, name: string, Section: ComponentType])[] = [
  ['administrators', 'Administrators', Administrators],
  ['tokens', 'Tokens', Tokens],
  ['suppressions', 'Suppression list', Suppressions],
  ['webhooks', 'Webhooks', Webhooks],
  ['audit', 'Audit log', Audit],
];

export function Page() {
  const [, asked] = parts.value;
  const [shown, , Section] = sections.find(([path]) => path === asked) ?? sections[0]!;
  const row = useTabInView<HTMLElement>(shown);
  return (
    <>
      <PageHead title="Settings" about="What is kept beside the configuration file" />
      <nav ref={row} class="tabs" aria-label="Settings">
        {sections.map(([path, name]) => (
          <a
            key={path}
            class="tab"
            href={`/settings/${path}`}
            aria-current={path === shown ? 'page' : undefined}
          >
            {name}
          </a>
        ))}
      </nav>
      <Section />
    </>
  );
}
