// One account: its addresses, app passwords, and what it holds.

import { useState } from 'preact/hooks';
import { call } from '../../api.ts';
import { ActButton } from '../../components/act-button.tsx';
import { Answered } from '../../components/answered.tsx';
import { FormDialog, SecretDialog } from '../../components/dialog.tsx';
import { PasswordField, said, TextField } from '../../components/form.tsx';
import { Button, PageHead, Panel } from '../../components/page.tsx';
import { Empty } from '../../components/states.tsx';
import { When } from '../../components/time.tsx';
import { bytes, counted, relative } from '../../format.ts';
import { navigate } from '../../router.ts';
import { attempt, say } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';
import type { Account } from './account-columns.tsx';
import { AccountRules } from './account-rules.tsx';
import { Devices } from './devices.tsx';

type Held = NonNullable<Account['held']>;
type Asked = 'password' | 'address' | 'app-password' | 'remove';

export function AccountPage({ address }: { readonly address: string }) {
  const accounts = useAnswer('accounts', (signal) => call('accountList', {}, signal));
  return (
    <Answered answer={accounts} waiting="Asking for the account">
      {(all) => {
        const account = all.find(({ addresses }) => addresses.includes(address));
        if (account === undefined) return <NoSuchAccount address={address} />;
        return <OneAccount account={account} onDone={accounts.reload} />;
      }}
    </Answered>
  );
}

function NoSuchAccount({ address }: { readonly address: string }) {
  return (
    <>
      <PageHead title="Account" about={address} />
      <Panel>
        <Empty icon="people" title="There is no such account">
          <p>It may have been removed, or its address may be misspelt.</p>
          <a class="button" href="/accounts">
            All accounts
          </a>
        </Empty>
      </Panel>
    </>
  );
}

interface PartProps {
  readonly account: Account;
  readonly onDone: () => void;
}

function OneAccount({ account, onDone }: PartProps) {
  const [asked, setAsked] = useState<Asked>();
  const [secret, setSecret] = useState<string>();
  const props = { account, onDone, onClose: () => setAsked(undefined) };
  return (
    <>
      <Head account={account} onAsk={setAsked} />
      {account.held !== null && <Hold account={account} held={account.held} onDone={onDone} />}
      <div class="grid">
        <Addresses account={account} onDone={onDone} onAdd={() => setAsked('address')} />
        <AppPasswords account={account} onDone={onDone} onAdd={() => setAsked('app-password')} />
      </div>
      <AccountRules address={account.address} />
      <Devices account={account.address} />
      {asked === 'password' && <PasswordDialog {...props} />}
      {asked === 'address' && <AddressDialog {...props} />}
      {asked === 'app-password' && <AppPasswordDialog {...props} onMade={setSecret} />}
      {asked === 'remove' && <RemoveDialog {...props} />}
      {secret !== undefined && (
        <SecretDialog
          title="The app password"
          secret={secret}
          what="the app password"
          onClose={() => setSecret(undefined)}
        >
          Put it into the program now.
        </SecretDialog>
      )}
    </>
  );
}

interface HeadProps {
  readonly account: Account;
  readonly onAsk: (asked: Asked) => void;
}

function Head({ account: { address, messages, bytes: size, created }, onAsk }: HeadProps) {
  return (
    <PageHead
      title={address}
      about={
        <>
          {counted(messages, 'message')}, {bytes(size)}, since <When at={created} />
        </>
      }
    >
      <a class="button" href={`/inbox?address=${encodeURIComponent(address)}`}>
        Mail
      </a>
      <Button icon="key" onClick={() => onAsk('password')}>
        Change password
      </Button>
      <Button icon="trash" kind="danger" onClick={() => onAsk('remove')}>
        Remove
      </Button>
    </PageHead>
  );
}

function Hold({ account, held, onDone }: PartProps & { readonly held: Held }) {
  const { address } = account;
  return (
    <div class="note bad" role="status">
      <div>
        Its sending is stopped, the hold ends {relative(Date.parse(held.until))}: {held.reason}
      </div>
      <ActButton
        act={() => call('accountRelease', { address })}
        done={`${address} may send again`}
        then={onDone}
      >
        Let it send again
      </ActButton>
    </div>
  );
}

function Addresses({ account, onDone, onAdd }: PartProps & { readonly onAdd: () => void }) {
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
              <ActButton
                kind="plain"
                act={() => call('addressRemove', { account: account.address, address })}
                done={`${address} is no longer an address of ${account.address}`}
                then={onDone}
                of={address}
              >
                Remove
              </ActButton>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function AppPasswords({ account, onDone, onAdd }: PartProps & { readonly onAdd: () => void }) {
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
              <ActButton
                kind="plain"
                act={() => call('appPasswordRemove', { account: account.address, name })}
                done={`The app password ${name} no longer works`}
                then={onDone}
                of={name}
              >
                Remove
              </ActButton>
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
      <PasswordField kind="new" hint="App passwords stay as they are." />
    </FormDialog>
  );
}

function AddressDialog({ account, onDone, onClose }: AskProps) {
  const add = (given: FormData) =>
    attempt(async () => {
      const address = said(given, 'address');
      const { advice } = await call('addressAdd', { account: account.address, address });
      onDone();
      return advice === null ? `${address} leads here now` : `${address} leads here now; ${advice}`;
    });
  return (
    <FormDialog title="Add an address" submit="Add" onSubmit={add} onClose={onClose}>
      <TextField label="Address" name="address" inputMode="email" required autoComplete="off" />
    </FormDialog>
  );
}

function AppPasswordDialog(props: AskProps & { readonly onMade: (secret: string) => void }) {
  const { account, onDone, onClose, onMade } = props;
  const add = (given: FormData) =>
    attempt(async () => {
      const name = said(given, 'name');
      onMade(await call('appPasswordAdd', { account: account.address, name }));
      onDone();
      return undefined;
    });
  return (
    <FormDialog title="Add an app password" submit="Make it" onSubmit={add} onClose={onClose}>
      <TextField
        label="Name"
        name="name"
        required
        autoComplete="off"
        placeholder="phone"
        hint="Of the program or the device: it tells you later which is which."
      />
    </FormDialog>
  );
}

function RemoveDialog({ account, onClose }: AskProps) {
  const remove = async (given: FormData) => {
    if (said(given, 'address') !== account.address) {
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
      <TextField
        label="Its address, to be sure"
        name="address"
        required
        autoComplete="off"
        placeholder={account.address}
      />
    </FormDialog>
  );
}
