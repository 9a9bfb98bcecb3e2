// One account: its addresses, app passwords, and what it holds.

import { useState } from 'preact/hooks';
import { call } from '../../api.ts';
import { Code } from '../../components/code.tsx';
import { Dialog, FormDialog } from '../../components/dialog.tsx';
import { Button, PageHead, Panel } from '../../components/page.tsx';
import { Empty, Problem, Waiting } from '../../components/states.tsx';
import { When } from '../../components/time.tsx';
import { bytes, counted, relative } from '../../format.ts';
import { navigate } from '../../router.ts';
import { attempt, say } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';
import type { Account } from './table.tsx';

type Asked = 'password' | 'address' | 'app-password' | 'remove';

export function AccountPage({ address }: { readonly address: string }) {
  const [asked, setAsked] = useState<Asked>();
  const [secret, setSecret] = useState<string>();
  const { data, error, loading, reload } = useAnswer('accounts', (signal) =>
    call('accountList', {}, signal),
  );
  const account = data?.find((one) => one.addresses.includes(address));
  if (loading) return <Waiting what="Asking for the account" />;
  if (error !== undefined) return <Problem text={error} retry={reload} />;
  if (account === undefined)
    return (
      <Empty icon="people" title="There is no such account">
        <a class="button" href="/accounts">
          All accounts
        </a>
      </Empty>
    );
  const close = () => setAsked(undefined);
  const props = { account, onDone: reload, onClose: close };
  return (
    <>
      <PageHead
        title={account.address}
        about={
          <>
            {counted(account.messages, 'message')}, {bytes(account.bytes)}, since{' '}
            <When at={account.created} />
          </>
        }
      >
        <a class="button" href={`/inbox?address=${encodeURIComponent(account.address)}`}>
          Mail
        </a>
        <Button icon="key" onClick={() => setAsked('password')}>
          Change password
        </Button>
        <Button icon="trash" kind="danger" onClick={() => setAsked('remove')}>
          Remove
        </Button>
      </PageHead>
      {account.held !== null && <Held account={account} onDone={reload} />}
      <div class="grid">
        <Addresses account={account} onDone={reload} onAdd={() => setAsked('address')} />
        <AppPasswords account={account} onDone={reload} onAdd={() => setAsked('app-password')} />
      </div>
      {asked === 'password' && <PasswordDialog {...props} />}
      {asked === 'address' && <AddressDialog {...props} />}
      {asked === 'app-password' && <AppPasswordDialog {...props} onMade={setSecret} />}
      {asked === 'remove' && <RemoveDialog {...props} />}
      {secret !== undefined && (
        <SecretDialog secret={secret} onClose={() => setSecret(undefined)} />
      )}
    </>
  );
}

interface PartProps {
  readonly account: Account;
  readonly onDone: () => void;
}

function Held({ account, onDone }: PartProps) {
  const { held, address } = account;
  if (held === null) return null;
  const release = () =>
    void attempt(async () => {
      await call('accountRelease', { address });
      return `${address} may send again`;
    }).then(onDone);
  return (
    <div class="note bad" role="status">
      <div>
        Its sending is stopped, the hold ends {relative(Date.parse(held.until))}: {held.reason}
      </div>
      <Button small onClick={release}>
        Let it send again
      </Button>
    </div>
  );
}

function Addresses({ account, onDone, onAdd }: PartProps & { readonly onAdd: () => void }) {
  const remove = (address: string) =>
    void attempt(async () => {
      await call('addressRemove', { account: account.address, address });
      return `${address} is no longer an address of ${account.address}`;
    }).then(onDone);
  return (
    <Panel
      title="Addresses"
      about="Mail for each of them comes here"
      aside={
        <Button small icon="plus" onClick={onAdd}>
          Add
        </Button>
      }
    >
      <ul class="list">
        {account.addresses.map((address, i) => (
          <li key={address}>
            <span class="break">{address}</span>
            {i === 0 ? (
              <span class="faint">primary</span>
            ) : (
              <Button small kind="plain" onClick={() => remove(address)}>
                Remove<span class="visually-hidden"> {address}</span>
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function AppPasswords({ account, onDone, onAdd }: PartProps & { readonly onAdd: () => void }) {
  const remove = (name: string) =>
    void attempt(async () => {
      await call('appPasswordRemove', { account: account.address, name });
      return `The app password ${name} no longer works`;
    }).then(onDone);
  return (
    <Panel
      title="App passwords"
      about="One for each program, so that each can be taken back by itself"
      aside={
        <Button small icon="plus" onClick={onAdd}>
          Add
        </Button>
      }
    >
      {account.appPasswords.length === 0 ? (
        <p class="faint">
          None yet. A program with a password of its own need not know the account’s.
        </p>
      ) : (
        <ul class="list">
          {account.appPasswords.map((name) => (
            <li key={name}>
              <span class="break">{name}</span>
              <Button small kind="plain" onClick={() => remove(name)}>
                Remove<span class="visually-hidden"> {name}</span>
              </Button>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

interface AskProps extends PartProps {
  readonly onClose: () => void;
}

function PasswordDialog({ account, onDone, onClose }: AskProps) {
  const change = (given: FormData) =>
    attempt(async () => {
      const password = String(given.get('password'));
      const { advice } = await call('accountPassword', { address: account.address, password });
      onDone();
      return advice === null ? 'The password is changed' : `The password is changed; ${advice}`;
    });
  return (
    <FormDialog
      title={`New password of ${account.address}`}
      submit="Change"
      onSubmit={change}
      onClose={onClose}
    >
      <label class="field">
        <span>Password</span>
        <input class="input" name="password" type="password" required autoComplete="new-password" />
        <small>App passwords stay as they are.</small>
      </label>
    </FormDialog>
  );
}

function AddressDialog({ account, onDone, onClose }: AskProps) {
  const add = (given: FormData) =>
    attempt(async () => {
      const address = String(given.get('address')).trim();
      const { advice } = await call('addressAdd', { account: account.address, address });
      onDone();
      return advice === null ? `${address} leads here now` : `${address} leads here now; ${advice}`;
    });
  return (
    <FormDialog title="Add an address" submit="Add" onSubmit={add} onClose={onClose}>
      <label class="field">
        <span>Address</span>
        <input class="input" name="address" inputMode="email" required autoComplete="off" />
      </label>
    </FormDialog>
  );
}

function AppPasswordDialog(props: AskProps & { readonly onMade: (secret: string) => void }) {
  const { account, onDone, onClose, onMade } = props;
  const add = (given: FormData) =>
    attempt(async () => {
      const name = String(given.get('name')).trim();
      onMade(await call('appPasswordAdd', { account: account.address, name }));
      onDone();
      return undefined;
    });
  return (
    <FormDialog title="Add an app password" submit="Make it" onSubmit={add} onClose={onClose}>
      <label class="field">
        <span>Name</span>
        <input class="input" name="name" required autoComplete="off" placeholder="phone" />
        <small>Of the program or the device: it tells you later which is which.</small>
      </label>
    </FormDialog>
  );
}

function SecretDialog({
  secret,
  onClose,
}: {
  readonly secret: string;
  readonly onClose: () => void;
}) {
  return (
    <Dialog title="The app password" onClose={onClose}>
      <Code text={secret} what="the app password" wraps />
      <p class="soft">It is shown this once. Put it into the program now.</p>
      <footer>
        <Button kind="primary" onClick={onClose}>
          Done
        </Button>
      </footer>
    </Dialog>
  );
}

function RemoveDialog({ account, onClose }: AskProps) {
  const remove = async (given: FormData) => {
    if (String(given.get('address')).trim() !== account.address) {
      say('that is not the address', 'bad');
      return false;
    }
    return attempt(async () => {
      await call('accountRemove', { address: account.address });
      navigate('/accounts');
      return `${account.address} is removed`;
    });
  };
  return (
    <FormDialog
      title="Remove the account?"
      submit="Remove it with all its mail"
      danger
      onSubmit={remove}
      onClose={onClose}
    >
      <p>
        {counted(account.messages, 'message')} ({bytes(account.bytes)}) go with it. Only a backup
        brings them back.
      </p>
      <label class="field">
        <span>Its address, to be sure</span>
        <input
          class="input"
          name="address"
          required
          autoComplete="off"
          placeholder={account.address}
        />
      </label>
    </FormDialog>
  );
}
