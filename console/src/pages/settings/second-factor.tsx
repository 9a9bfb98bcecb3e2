// A second factor (TOTP, RFC 6238): the secret goes into an authenticator program, and a code of it back.

import { call } from '../../api.ts';
import { Answered } from '../../components/answered.tsx';
import { Code } from '../../components/code.tsx';
import { FormDialog } from '../../components/dialog.tsx';
import { TextField } from '../../components/form.tsx';
import { attempt } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';

interface SecondFactorProps {
  readonly name: string;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

export function SecondFactorDialog({ name, onDone, onClose }: SecondFactorProps) {
  const offer = useAnswer(`factor ${name}`, (signal) =>
    call('secondFactorOffer', { name }, signal),
  );
  const add = (given: FormData) =>
    attempt(async () => {
      const code = String(given.get('code')).replaceAll(/\s/g, '');
      await call('secondFactorAdd', { name, secret: offer.data?.secret ?? '', code });
      onDone();
      return 'From now on a code is asked for besides the password';
    });
  return (
    <FormDialog title="Add a second factor" submit="Add" onSubmit={add} onClose={onClose}>
      <Answered answer={offer} waiting="Making a secret">
        {({ uri }) => (
          <>
            <p>
              Put this address into your authenticator program, or <a href={uri}>open it there</a>:
            </p>
            <Code text={uri} what="the secret" wraps />
            <TextField
              label="The code that it shows now"
              name="code"
              required
              inputMode="numeric"
              autoComplete="one-time-code"
            />
          </>
        )}
      </Answered>
    </FormDialog>
  );
}
