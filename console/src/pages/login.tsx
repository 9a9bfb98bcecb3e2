// Who are you? What can be asked for is what the server offers.

import type { SessionFacts } from '../../../src/web/session/session.ts';
import { Icon } from '../components/icon.tsx';
import { Mark } from '../components/mark.tsx';

export function Login({ facts }: { readonly facts: SessionFacts }) {
  const { login, hostname } = facts;
  const isNothing = !login.password && !login.passkey && login.oidc === undefined;
  return (
    <main class="login" id="main">
      <div class="panel">
        <header>
          <Mark size={40} />
          <h1>Postrider</h1>
          <p>{hostname}</p>
        </header>
        <div class="body stack">{isNothing && <NoLogin />}</div>
      </div>
    </main>
  );
}

function NoLogin() {
  return (
    <div class="note">
      <Icon name="key" />
      <div class="stack">
        <p>Nobody can log in here yet. Programs ask with a token:</p>
        <p>
          <code>postrider token create NAME --read</code>
        </p>
      </div>
    </div>
  );
}
