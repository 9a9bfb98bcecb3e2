// Where one can go.

import type { SessionFacts } from '../../../src/web/session/session.ts';
import { Icon } from '../components/icon.tsx';
import { Mark } from '../components/mark.tsx';
import { path } from '../router.ts';
import { pageOf, pages } from '../routes.ts';

export function Navigation({ facts }: { readonly facts: SessionFacts }) {
  const current = pageOf(path.value);
  const groups = [...new Set(pages.map(({ group }) => group))];
  return (
    <nav class="side" aria-label="Pages">
      <a class="brand" href="/">
        <Mark />
        <span>
          Postrider
          <span class="host one-line">{facts.dev ? 'development' : facts.hostname}</span>
        </span>
      </a>
      {groups.map((group) => (
        <section key={group} aria-labelledby={`pages-${group}`}>
          <h2 id={`pages-${group}`}>{group}</h2>
          <ul>
            {pages
              .filter((one) => one.group === group)
              .map(({ path: to, name, icon }) => (
                <li key={to}>
                  <a
                    class="nav-link"
                    href={to}
                    aria-current={current?.path === to ? 'page' : undefined}
                  >
                    <Icon name={icon} />
                    {name}
                  </a>
                </li>
              ))}
          </ul>
        </section>
      ))}
      <p class="foot">
        <span>Postrider {facts.version}</span>
      </p>
    </nav>
  );
}
