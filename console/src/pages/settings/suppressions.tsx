// Addresses that get nothing which is submitted here.

import { useState } from 'preact/hooks';
import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { ActButton } from '../../components/act-button.tsx';
import { Badge } from '../../components/badge.tsx';
import { FormDialog } from '../../components/dialog.tsx';
import { Filters } from '../../components/filters.tsx';
import { ChoiceField, said, TextField } from '../../components/form.tsx';
import { List } from '../../components/list.tsx';
import { Button } from '../../components/page.tsx';
import { Empty } from '../../components/states.tsx';
import type { Column } from '../../components/table.tsx';
import { When } from '../../components/time.tsx';
import { words } from '../../router.ts';
import { attempt } from '../../toasts.ts';
import { usePages } from '../../use-pages.ts';

type Suppression = AnswerOf<'suppressionList'>['suppressions'][number];

export function Suppressions() {
  const [isAdding, setAdding] = useState(false);
  const text = words.value;
  const pages = usePages(`suppressed ${text}`, async (after, signal) => {
    const asked = { ...(text !== '' && { text }), ...(after !== undefined && { after }) };
    const { suppressions, next } = await call('suppressionList', asked, signal);
    return { items: suppressions, next };
  });
  return (
    <>
      <Filters label="Search suppressed addresses" hint="Beginning of an address">
        <Button icon="plus" onClick={() => setAdding(true)}>
          Suppress an address
        </Button>
      </Filters>
      <List
        pages={pages}
        waiting="Reading the list"
        caption="Suppressed addresses"
        columns={columns}
        keyOf={({ address }) => address}
        actions={({ address }) => (
          <ActButton
            act={() => call('suppressionRemove', { address })}
            done={`${address} gets mail again`}
            then={pages.reload}
            of={address}
          >
            Remove
          </ActButton>
        )}
        empty={
          <Empty
            icon="stop"
            title={text === '' ? 'No address is suppressed' : 'No such address is suppressed'}
          >
            <p>
              An address comes here when mail to it bounces for good or somebody complains, or when
              you put it here. Applications then stop sending to it, and are told why.
            </p>
          </Empty>
        }
      />
      {isAdding && <AddDialog onDone={pages.reload} onClose={() => setAdding(false)} />}
    </>
  );
}

const columns: readonly Column<Suppression>[] = [
  { name: 'Address', kind: 'text', cell: ({ address }) => address },
  {
    name: 'Why',
    kind: 'text',
    cell: ({ reason, note }) => (
      <>
        <Badge tone={reason === 'manual' ? 'calm' : 'wait'} icon={null}>
          {reason}
        </Badge>
        {note !== null && <span class="sub">{note}</span>}
      </>
    ),
  },
  { name: 'Since', cell: ({ since }) => <When at={since} /> },
  {
    name: 'Until',
    cell: ({ expires }) =>
      expires === null ? <span class="faint nowrap">for ever</span> : <When at={expires} />,
  },
];

interface AddProps {
  readonly onDone: () => void;
  readonly onClose: () => void;
}

function AddDialog({ onDone, onClose }: AddProps) {
  const add = (given: FormData) =>
    attempt(async () => {
      const note = said(given, 'note');
      const days = Number(given.get('days'));
      const { address } = await call('suppressionAdd', {
        address: said(given, 'address'),
        ...(note !== '' && { note }),
        ...(days > 0 && { days }),
      });
      onDone();
      return `${address} gets no mail any more`;
    });
  return (
    <FormDialog title="Suppress an address" submit="Suppress" onSubmit={add} onClose={onClose}>
      <TextField
        label="Address"
        name="address"
        required
        autoComplete="off"
        placeholder="ann@example.net or @example.net"
      />
      <TextField label="Why" name="note" autoComplete="off" />
      <ChoiceField label="For" name="days" options={spans} />
    </FormDialog>
  );
}

const spans = [
  ['0', 'ever'],
  ['30', '30 days'],
  ['365', 'a year'],
] as const;
