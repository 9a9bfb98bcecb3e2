// A second factor (TOTP, RFC 6238): the secret goes into an authenticator program, and a code of it back.

import { call } from '../../api.ts';
import { Code } from '../../components/code.tsx';
import { FormDialog } from '../../components/dialog.tsx';
import { Problem, Waiting } from '../../components/states.tsx';
import { attempt } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';

interface SecondFactorProps {
  readonly name: string;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

export function SecondFactorDialog({ name, onDone, onClose }: SecondFactorProps) {
  const { data, error, reload } = useAnswer(`factor ${name}`, (signal) =>
    call('secondFactorOffer', { name }, signal),
  );
  const add = (given: FormData) =>
    attempt(async () => {
      const code = String(given.get('code')).replaceAll(/\s/g, '');
      await call('secondFactorAdd', { name, secret: data?.secret ?? '', code });
      onDone();
      return 'From now on a code is asked for besides the password';
    });
  return (
    <FormDialog title="Add a second factor" submit="Add" onSubmit={add} onClose={onClose}>
      {error !== undefined && <Problem text={error} retry={reload} />}
      {data === undefined && error === undefined && <Waiting what="Making a secret" />}
      {data !== undefined && (
        <>
          <p>
            Put this address into your authenticator program, or{' '}
            <a href={data.uri}>open it there</a>:
          </p>
          <Code text={data.uri} what="the secret" wraps />
          <label class="field">
            <span>The code that it shows now</span>
            <input
              class="input"
              name="code"
              required
              inputMode="numeric"
              autoComplete="one-time-code"
            />
          </label>
        </>
      )}
    </FormDialog>
  );
}
