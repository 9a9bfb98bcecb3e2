// Who has a mailbox here.

import { useState } from 'preact/hooks';
import { call } from '../api.ts';
import { holds } from '../components/filter-text.ts';
import { Filters } from '../components/filters.tsx';
import { List } from '../components/list.tsx';
import { Button, PageHead } from '../components/page.tsx';
import { Empty } from '../components/states.tsx';
import { counted } from '../format.ts';
import { parts, words } from '../router.ts';
import { session } from '../session.ts';
import { useList } from '../use-pages.ts';
import { accountColumns } from './accounts/account-columns.tsx';
import { AccountPage } from './accounts/account-page.tsx';
import { AddAccount } from './accounts/add-account.tsx';

export function Page() {
  const [, address] = parts.value;
  return address === undefined ? <AccountsPage /> : <AccountPage address={address} key={address} />;
}

function AccountsPage() {
  const [isAdding, setAdding] = useState(false);
  const accounts = useList('accounts', (signal) => call('accountList', {}, signal));
  const { data, reload } = accounts;
  const isNone = data?.length === 0;
  const onAdd = () => setAdding(true);
  const shown = accounts.items.filter(({ addresses }) => holds(words.value, ...addresses));
  return (
    <>
      <PageHead
        title="Accounts"
        about={data === undefined ? 'Who has a mailbox here' : counted(data.length, 'account')}
      >
        <Button icon="plus" kind="primary" onClick={onAdd}>
          Add account
        </Button>
      </PageHead>
      {data !== undefined && !isNone && <Filters label="Search accounts" hint="Address" />}
      <List
        pages={{ ...accounts, items: shown }}
        waiting="Asking for accounts"
        caption="Accounts"
        columns={accountColumns}
        keyOf={({ address }) => address}
        empty={isNone ? <NoAccounts onAdd={onAdd} /> : <NoSuchAccount />}
      />
      {isAdding && <AddAccount onDone={reload} onClose={() => setAdding(false)} />}
    </>
  );
}

function NoSuchAccount() {
  return (
    <Empty icon="search" title="No account has such an address">
      <a class="button" href="/accounts">
        Show all
      </a>
    </Empty>
  );
}

function NoAccounts({ onAdd }: { readonly onAdd: () => void }) {
  return (
    <Empty icon="people" title="No accounts yet">
      <p>
        {session.value?.dev === true
          ? 'In development none are needed: mail to any address is caught in an inbox of its own. An account that is added here has a password that is checked.'
          : 'An account has a mailbox, a password to read it by IMAP and POP3, and may send by submission.'}
      </p>
      <Button icon="plus" kind="primary" onClick={onAdd}>
        Add the first account
      </Button>
    </Empty>
  );
}
