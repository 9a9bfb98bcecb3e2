// Who has a mailbox here.

import { useState } from 'preact/hooks';
import { call } from '../api.ts';
import { holds } from '../components/filter-text.ts';
import { Button, PageHead, Panel } from '../components/page.tsx';
import { SearchField } from '../components/search-field.tsx';
import { Empty, Problem, Waiting } from '../components/states.tsx';
import { counted } from '../format.ts';
import { parts, query, setQuery } from '../router.ts';
import { session } from '../session.ts';
import { useAnswer } from '../use-answer.ts';
import { AccountPage } from './accounts/account-page.tsx';
import { AddAccount } from './accounts/add-account.tsx';
import { AccountTable } from './accounts/table.tsx';

export function Page() {
  const [, address] = parts.value;
  return address === undefined ? <AccountsPage /> : <AccountPage address={address} key={address} />;
}

function AccountsPage() {
  const [isAdding, setAdding] = useState(false);
  const text = query.value.get('q') ?? '';
  const { data, error, loading, reload } = useAnswer('accounts', (signal) =>
    call('accountList', {}, signal),
  );
  const shown = (data ?? []).filter(({ addresses }) => holds(text, ...addresses));
  return (
    <>
      <PageHead
        title="Accounts"
        about={data === undefined ? 'Who has a mailbox here' : counted(data.length, 'account')}
      >
        <Button icon="plus" kind="primary" onClick={() => setAdding(true)}>
          Add account
        </Button>
      </PageHead>
      {data !== undefined && data.length > 0 && (
        <div class="filters">
          <SearchField
            label="Search accounts"
            hint="Address"
            value={text}
            onSearch={(q) => setQuery({ q })}
          />
        </div>
      )}
      {error !== undefined && <Problem text={error} retry={reload} />}
      {loading && <Waiting what="Asking for accounts" />}
      {data?.length === 0 && <NoAccounts onAdd={() => setAdding(true)} />}
      {data !== undefined && data.length > 0 && (
        <Panel bare>
          {shown.length === 0 ? (
            <Empty icon="search" title="No account has such an address">
              <a class="button" href="/accounts">
                Show all
              </a>
            </Empty>
          ) : (
            <AccountTable accounts={shown} />
          )}
        </Panel>
      )}
      {isAdding && <AddAccount onDone={reload} onClose={() => setAdding(false)} />}
    </>
  );
}

function NoAccounts({ onAdd }: { readonly onAdd: () => void }) {
  return (
    <Panel>
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
    </Panel>
  );
}
