// Passwords: the account's own, and one for each mail program that can be revoked by itself.

import { useState } from 'preact/hooks';
import { ActButton } from '../../components/act-button.tsx';
import { Answered } from '../../components/answered.tsx';
import { Code } from '../../components/code.tsx';
import { FormDialog } from '../../components/dialog.tsx';
import { Form, PasswordField, said, TextField } from '../../components/form.tsx';
import { Button, PageHead, Panel } from '../../components/page.tsx';
import { Empty } from '../../components/states.tsx';
import { bytes, counted } from '../../format.ts';
import { loadSession, session } from '../../session.ts';
import { attempt } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';
import { type OwnAnswer, own } from './own-api.ts';

export function PasswordsPage() {
  const me = useAnswer('me', (signal) => own('me', {}, signal));
  const { data } = me;
  return (
    <>
      <PageHead
        title="Passwords"
        about={data && `${counted(data.messages, 'message')}, ${bytes(data.bytes)}`}
      />
      <Answered answer={me} waiting="Asking for the account">
        {(account) => (
          <>
            <AppPasswords me={account} onDone={me.reload} />
            {account.hasPassword && <OwnPassword />}
          </>
        )}
      </Answered>
    </>
  );
}

interface AppPasswordsProps {
  readonly me: OwnAnswer<'me'>;
  readonly onDone: () => void;
}

function AppPasswords({ me, onDone }: AppPasswordsProps) {
  const [isAdding, setAdding] = useState(false);
  const [made, setMade] = useState<string>();
  const add = (given: FormData) =>
    attempt(async () => {
      setMade(await own('appPasswordAdd', { name: said(given, 'name') }));
      onDone();
      return undefined;
    });
  return (
    <Panel
      title="App passwords"
      about="One for each mail program or device, so that one can be revoked without the others"
      aside={
        <Button small icon="plus" onClick={() => setAdding(true)}>
          Add
        </Button>
      }
    >
      {made !== undefined && (
        <div class="stack">
          <p>Give this password to the program now. It cannot be shown again.</p>
          <Code text={made} what="the password" />
        </div>
      )}
      {me.appPasswords.length === 0 ? (
        <Empty icon="key" title="None yet">
          <p>
            A mail program needs your address, a password, and{' '}
            <code>{session.value?.hostname}</code> as the server.
          </p>
        </Empty>
      ) : (
        <ul class="list">
          {me.appPasswords.map((name) => (
            <li key={name}>
              <span class="break">{name}</span>
              <ActButton
                kind="plain"
                act={() => own('appPasswordRemove', { name })}
                done={`The password of ${name} opens nothing any more`}
                then={onDone}
                of={`the password of ${name}`}
              >
                Revoke
              </ActButton>
            </li>
          ))}
        </ul>
      )}
      {isAdding && (
        <FormDialog
          title="Add an app password"
          submit="Make it"
          onSubmit={add}
          onClose={() => setAdding(false)}
        >
          <TextField label="Name" name="name" required autoComplete="off" placeholder="phone" />
        </FormDialog>
      )}
    </Panel>
  );
}

function OwnPassword() {
  const change = (given: FormData) =>
    attempt(async () => {
      const [present, password] = [given.get('present'), given.get('password')].map(String);
      const { advice } = await own('passwordChange', { present: present!, password: password! });
      await loadSession();
      return `The password is changed: log in with it. ${advice ?? ''}`;
    });
  return (
    <Panel title="Password" about="Of the account itself. All sessions end when it changes">
      <Form submit="Change" onSubmit={change}>
        <PasswordField label="Present password" name="present" kind="current" />
        <PasswordField label="New password" kind="new" />
      </Form>
    </Panel>
  );
}
