// Passwords: the account's own, and one for each mail program that can be revoked by itself.

import { useState } from 'preact/hooks';
import { Code } from '../../components/code.tsx';
import { FormDialog } from '../../components/dialog.tsx';
import { Button, PageHead, Panel } from '../../components/page.tsx';
import { Empty, Problem, Waiting } from '../../components/states.tsx';
import { bytes, counted } from '../../format.ts';
import { loadSession, session } from '../../session.ts';
import { attempt } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';
import { type OwnAnswer, own } from './own-api.ts';

export function PasswordsPage() {
  const { data, error, loading, reload } = useAnswer('me', (signal) => own('me', {}, signal));
  return (
    <>
      <PageHead
        title="Passwords"
        about={data && `${counted(data.messages, 'message')}, ${bytes(data.bytes)}`}
      />
      {error !== undefined && <Problem text={error} retry={reload} />}
      {loading && <Waiting what="Asking for the account" />}
      {data !== undefined && <AppPasswords me={data} onDone={reload} />}
      {data?.hasPassword === true && <OwnPassword />}
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
      setMade(await own('appPasswordAdd', { name: String(given.get('name')).trim() }));
      onDone();
      return undefined;
    });
  const remove = (name: string) =>
    void attempt(async () => {
      await own('appPasswordRemove', { name });
      onDone();
      return `The password of ${name} opens nothing any more`;
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
              <Button small kind="plain" onClick={() => remove(name)}>
                Revoke<span class="visually-hidden"> the password of {name}</span>
              </Button>
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
          <label class="field">
            <span>Name</span>
            <input class="input" name="name" required autoComplete="off" placeholder="phone" />
          </label>
        </FormDialog>
      )}
    </Panel>
  );
}

function OwnPassword() {
  const change = (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.target as HTMLFormElement);
    void attempt(async () => {
      const [present, password] = [given.get('present'), given.get('password')].map(String);
      const { advice } = await own('passwordChange', { present: present!, password: password! });
      await loadSession();
      return `The password is changed: log in with it. ${advice ?? ''}`;
    });
  };
  return (
    <Panel title="Password" about="Of the account itself. All sessions end when it changes">
      <form class="stack" onSubmit={change}>
        <label class="field">
          <span>Present password</span>
          <input
            class="input"
            name="present"
            type="password"
            required
            autoComplete="current-password"
          />
        </label>
        <label class="field">
          <span>New password</span>
          <input
            class="input"
            name="password"
            type="password"
            required
            autoComplete="new-password"
          />
        </label>
        <div class="actions">
          <button type="submit" class="button primary">
            Change
          </button>
        </div>
      </form>
    </Panel>
  );
}
