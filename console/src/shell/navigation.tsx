// Where one can go.

import type { SessionFacts } from '../../../src/web/session/session.ts';
import { Icon } from '../components/icon.tsx';
import { Mark } from '../components/mark.tsx';
import { path } from '../router.ts';
import { pageOf, pages } from '../routes.ts';
import { logOut } from '../session.ts';

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
      <div class="foot">
        <Who who={facts.who} />
        <p>Postrider {facts.version}</p>
      </div>
    </nav>
  );
}

function Who({ who }: Pick<SessionFacts, 'who'>) {
  if (who === null || who.kind === 'dev') return null;
  return (
    <p class="row spread">
      <span class="one-line">{who.kind === 'account' ? who.address : who.name}</span>
      <button type="button" class="button plain small" onClick={() => void logOut()}>
        <Icon name="exit" size={14} />
        Log out
      </button>
    </p>
  );
}
