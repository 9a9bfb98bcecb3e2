// Which page is shown to whom: the login to those we do not know, the frame and a page to all others.

import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { PageHead, Panel } from './components/page.tsx';
import { Empty, Problem, Waiting } from './components/states.tsx';
import { Login } from './pages/login.tsx';
import { OwnPart } from './pages/own-part.tsx';
import { navigate, path } from './router.ts';
import { type Page, pageOf } from './routes.ts';
import { loadSession, session, sessionError } from './session.ts';
import { Shell } from './shell/shell.tsx';

export function App() {
  const facts = session.value;
  const page = pageOf(path.value);
  const home = facts?.dev === true ? '/inbox' : '/overview';
  const mustMove = facts?.who != null && facts.who.kind !== 'account' && page === undefined;
  useEffect(() => {
    if (mustMove && (path.value === '/' || path.value === '/login'))
      navigate(home, { replace: true });
  }, [mustMove, home]);
  useEffect(() => {
    document.title = page === undefined ? 'Postrider' : `${page.name} · Postrider`;
  }, [page]);
  if (facts === undefined)
    return sessionError.value === undefined ? (
      <Waiting what="Asking the server" />
    ) : (
      <Problem text={sessionError.value} retry={() => void loadSession()} />
    );
  if (facts.who === null) return <Login facts={facts} />;
  if (facts.who.kind === 'account') return <OwnPart address={facts.who.address} />;
  return (
    <Shell facts={facts}>
      {page === undefined ? <NotFound home={home} /> : <Loaded page={page} key={page.path} />}
    </Shell>
  );
}

function NotFound({ home }: { readonly home: string }) {
  return (
    <>
      <PageHead title="There is no such page" about={<code>{path.value}</code>} />
      <Panel>
        <Empty icon="search" title="Nothing is here">
          <p>The address may be misspelt, or from another version of this console.</p>
          <a class="button primary" href={home}>
            {home === '/inbox' ? 'To the inbox' : 'To the overview'}
          </a>
        </Empty>
      </Panel>
    </>
  );
}

/** A page whose code comes when it is needed. */
function Loaded({ page }: { readonly page: Page }) {
  const [Content, setContent] = useState<ComponentType>();
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    page.load().then(
      (module) => setContent(() => module.Page),
      () => setFailed(true),
    );
  }, [page]);
  if (failed)
    return (
      <Problem
        text="this page could not be loaded; the server may have been replaced by a newer one"
        retry={() => location.reload()}
      />
    );
  return Content === undefined ? <Waiting what={page.name} /> : <Content />;
}
