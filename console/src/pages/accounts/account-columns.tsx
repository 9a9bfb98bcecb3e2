// What a list of accounts says of each.

import type { AnswerOf } from '../../api.ts';
import { Badge } from '../../components/badge.tsx';
import { type Column, RowLink } from '../../components/table.tsx';
import { When } from '../../components/time.tsx';
import { bytes, counted, number } from '../../format.ts';

export type Account = AnswerOf<'accountList'>[number];

export const accountColumns: readonly Column<Account>[] = [
  { name: 'Address', kind: 'text', cell: (account) => <Address {...account} /> },
  {
    name: 'App passwords',
    cell: ({ appPasswords: { length } }) =>
      length === 0 ? <span class="faint">none</span> : counted(length, 'password'),
  },
  { name: 'Messages', kind: 'number', cell: ({ messages }) => number(messages) },
  { name: 'Size', kind: 'number', cell: ({ bytes: size }) => bytes(size) },
  { name: 'Since', kind: 'number', cell: ({ created }) => <When at={created} /> },
];

function Address({ address, addresses, held }: Account) {
  const others = addresses.slice(1);
  return (
    <>
      <RowLink to={`/accounts/${encodeURIComponent(address)}`}>{address}</RowLink>{' '}
      {held !== null && (
        <Badge tone="bad" icon="stop">
          sending stopped
        </Badge>
      )}
      {others.length > 0 && <span class="sub">also {others.join(', ')}</span>}
    </>
  );
}
