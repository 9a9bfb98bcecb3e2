// Who are you? What can be asked for is what the server offers.

import type { SessionFacts } from '../../../src/web/session/session.ts';
import { Code } from '../components/code.tsx';
import { Mark } from '../components/mark.tsx';
import { LoginForm } from './login/login-form.tsx';

export function Login({ facts }: { readonly facts: SessionFacts }) {
  const { login, hostname } = facts;
  const isNothing = !login.password && !login.passkey && login.oidc === undefined;
  return (
    <main class="login" id="main">
      <div class="panel">
        <header>
          <Mark size={44} />
          <h1>Postrider</h1>
          <p>{hostname}</p>
        </header>
        <div class="body stack">{isNothing ? <NoLogin /> : <LoginForm login={login} />}</div>
      </div>
    </main>
  );
}

function NoLogin() {
  return (
    <>
      <p>Nobody can log in here yet. On the machine that the server runs on:</p>
      <Code text="postrider admin add NAME" what="the command" wraps />
    </>
  );
}
