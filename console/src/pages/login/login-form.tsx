// Name and password, and a code where somebody has a second factor; a passkey or the organisation's own login instead.

import type { RefObject } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { SessionFacts } from '../../../../src/web/session/session.ts';
import { ApiError, post, wordsFor } from '../../api.ts';
import { PasswordField, said, TextField } from '../../components/form.tsx';
import { Icon } from '../../components/icon.tsx';
import { loadSession } from '../../session.ts';
import { loginWithPasskey } from './passkey.ts';

export function LoginForm({ login }: Pick<SessionFacts, 'login'>) {
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  /** The password was right, and a code is asked for besides. */
  const [needsCode, setNeedsCode] = useState(false);
  const code = useRef<HTMLInputElement>(null);
  const attempt = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await work();
      await loadSession();
    } catch (error) {
      if (error instanceof ApiError && error.needs === 'code' && !needsCode) setNeedsCode(true);
      else setProblem(wordsFor(error));
      setTimeout(() => code.current?.focus());
    }
    setBusy(false);
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.target as HTMLFormElement);
    void attempt(() => logIn(given));
  };
  return (
    <>
      {problem !== undefined && (
        <p class="note bad" role="alert">
          <Icon name="warn" />
          {problem}
        </p>
      )}
      {login.password && (
        <form class="stack" onSubmit={submit}>
          <TextField
            label="Name or address"
            name="name"
            required
            autoComplete="username webauthn"
            autoCapitalize="none"
          />
          <PasswordField kind="current" />
          {needsCode && <CodeField field={code} />}
          <button type="submit" class="button primary" disabled={isBusy}>
            {isBusy && <span class="spinner" />}
            Log in
          </button>
        </form>
      )}
      {login.passkey && (
        <button
          type="button"
          class="button"
          disabled={isBusy}
          onClick={() => void attempt(loginWithPasskey)}
        >
          <Icon name="key" />
          Use a passkey
        </button>
      )}
      {login.oidc !== undefined && (
        <a class="button" href={singleSignOn}>
          <Icon name="people" />
          {login.oidc.name}
        </a>
      )}
    </>
  );
}

const CodeField = ({ field }: { readonly field: RefObject<HTMLInputElement | null> }) => (
  <TextField
    label="Code of your authenticator"
    ref={field}
    name="code"
    required
    inputMode="numeric"
    autoComplete="one-time-code"
    maxLength={20}
  />
);

/** See src/web/session/single-sign-on.ts */
const singleSignOn = '/postrider/session/oidc';

function logIn(given: FormData): Promise<Response> {
  const code = said(given, 'code').replaceAll(/\s/g, '');
  return post('/postrider/session', {
    ...{ name: said(given, 'name'), password: String(given.get('password')) },
    ...(code !== '' && { code }),
  });
}
