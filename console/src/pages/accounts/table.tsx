// Accounts in a table.

import type { AnswerOf } from '../../api.ts';
import { Badge } from '../../components/badge.tsx';
import { When } from '../../components/time.tsx';
import { bytes, counted, number } from '../../format.ts';

export type Account = AnswerOf<'accountList'>[number];

export function AccountTable({ accounts }: { readonly accounts: readonly Account[] }) {
  return (
    <table class="table stacks">
      <caption class="visually-hidden">Accounts</caption>
      <thead>
        <tr>
          <th scope="col">Address</th>
          <th scope="col">App passwords</th>
          <th scope="col" class="number">
            Messages
          </th>
          <th scope="col" class="number">
            Size
          </th>
          <th scope="col" class="number">
            Since
          </th>
        </tr>
      </thead>
      <tbody>
        {accounts.map((account) => (
          <Row key={account.address} account={account} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ account }: { readonly account: Account }) {
  const { address, addresses, appPasswords, messages, bytes: size, created, held } = account;
  const others = addresses.slice(1);
  return (
    <tr>
      <td class="lead break">
        <a class="main-link" data-row href={`/accounts/${encodeURIComponent(address)}`}>
          {address}
        </a>{' '}
        {held !== null && (
          <Badge tone="bad" icon="stop">
            sending stopped
          </Badge>
        )}
        {others.length > 0 && <span class="sub">also {others.join(', ')}</span>}
      </td>
      <td data-label="App passwords">
        {appPasswords.length === 0 ? (
          <span class="faint">none</span>
        ) : (
          counted(appPasswords.length, 'password')
        )}
      </td>
      <td data-label="Messages" class="number">
        {number(messages)}
      </td>
      <td data-label="Size" class="number">
        {bytes(size)}
      </td>
      <td data-label="Since" class="number">
        <When at={created} />
      </td>
    </tr>
  );
}
