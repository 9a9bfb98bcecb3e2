// Addresses that get nothing which is submitted here.

import { useState } from 'preact/hooks';
import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { Badge } from '../../components/badge.tsx';
import { FormDialog } from '../../components/dialog.tsx';
import { More } from '../../components/more.tsx';
import { Button, Panel } from '../../components/page.tsx';
import { SearchField } from '../../components/search-field.tsx';
import { Empty, Problem, Waiting } from '../../components/states.tsx';
import { When } from '../../components/time.tsx';
import { query, setQuery } from '../../router.ts';
import { attempt } from '../../toasts.ts';
import { usePages } from '../../use-pages.ts';

type Suppression = AnswerOf<'suppressionList'>['suppressions'][number];

export function Suppressions() {
  const [isAdding, setAdding] = useState(false);
  const text = query.value.get('q') ?? '';
  const pages = usePages(`suppressed ${text}`, async (after, signal) => {
    const asked = { ...(text !== '' && { text }), ...(after !== undefined && { after }) };
    const { suppressions, next } = await call('suppressionList', asked, signal);
    return { items: suppressions, next };
  });
  return (
    <>
      <div class="filters">
        <SearchField
          label="Search suppressed addresses"
          hint="Beginning of an address"
          value={text}
          onSearch={(q) => setQuery({ q })}
        />
        <Button icon="plus" onClick={() => setAdding(true)}>
          Suppress an address
        </Button>
      </div>
      {pages.error !== undefined && <Problem text={pages.error} retry={pages.reload} />}
      {pages.loading ? (
        <Waiting what="Reading the list" />
      ) : (
        pages.error === undefined && (
          <Panel bare>
            {pages.items.length === 0 ? (
              <Empty
                icon="stop"
                title={text === '' ? 'No address is suppressed' : 'No such address is suppressed'}
              >
                <p>
                  An address comes here when mail to it bounces for good or somebody complains, or
                  when you put it here. Applications then stop sending to it, and are told why.
                </p>
              </Empty>
            ) : (
              <SuppressionTable items={pages.items} onDone={pages.reload} />
            )}
            <More pages={pages} />
          </Panel>
        )
      )}
      {isAdding && <AddDialog onDone={pages.reload} onClose={() => setAdding(false)} />}
    </>
  );
}

interface TableProps {
  readonly items: readonly Suppression[];
  readonly onDone: () => void;
}

function SuppressionTable({ items, onDone }: TableProps) {
  const remove = (address: string) =>
    void attempt(async () => {
      await call('suppressionRemove', { address });
      return `${address} gets mail again`;
    }).then(onDone);
  return (
    <table class="table stacks">
      <caption class="visually-hidden">Suppressed addresses</caption>
      <thead>
        <tr>
          <th scope="col">Address</th>
          <th scope="col">Why</th>
          <th scope="col">Since</th>
          <th scope="col">Until</th>
          <th scope="col">
            <span class="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map(({ address, reason, note, since, expires }) => (
          <tr key={address}>
            <td class="lead break">{address}</td>
            <td data-label="Why" class="break">
              <Badge tone={reason === 'manual' ? 'calm' : 'wait'} icon={undefined}>
                {reason}
              </Badge>
              {note !== null && <span class="sub">{note}</span>}
            </td>
            <td data-label="Since">
              <When at={since} />
            </td>
            <td data-label="Until">
              {expires === null ? <span class="faint">for ever</span> : <When at={expires} />}
            </td>
            <td class="act">
              <div class="actions end">
                <Button small onClick={() => remove(address)}>
                  Remove<span class="visually-hidden"> {address}</span>
                </Button>
              </div>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function AddDialog({
  onDone,
  onClose,
}: {
  readonly onDone: () => void;
  readonly onClose: () => void;
}) {
  const add = (given: FormData) =>
    attempt(async () => {
      const note = String(given.get('note')).trim();
      const days = Number(given.get('days'));
      const { address } = await call('suppressionAdd', {
        address: String(given.get('address')).trim(),
        ...(note !== '' && { note }),
        ...(days > 0 && { days }),
      });
      onDone();
      return `${address} gets no mail any more`;
    });
  return (
    <FormDialog title="Suppress an address" submit="Suppress" onSubmit={add} onClose={onClose}>
      <label class="field">
        <span>Address</span>
        <input
          class="input"
          name="address"
          required
          autoComplete="off"
          placeholder="ann@example.net or @example.net"
        />
      </label>
      <label class="field">
        <span>Why</span>
        <input class="input" name="note" autoComplete="off" />
      </label>
      <label class="field">
        <span>For</span>
        <select class="select" name="days">
          <option value="0">ever</option>
          <option value="30">30 days</option>
          <option value="365">a year</option>
        </select>
      </label>
    </FormDialog>
  );
}
