// What programs ask with over HTTP.

import { useState } from 'preact/hooks';
import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { ActButton } from '../../components/act-button.tsx';
import { Badge } from '../../components/badge.tsx';
import { FormDialog, SecretDialog } from '../../components/dialog.tsx';
import { ChoiceField, said, TextField } from '../../components/form.tsx';
import { List } from '../../components/list.tsx';
import { Button } from '../../components/page.tsx';
import { Empty } from '../../components/states.tsx';
import type { Column } from '../../components/table.tsx';
import { When } from '../../components/time.tsx';
import { attempt } from '../../toasts.ts';
import { useList } from '../../use-pages.ts';

type Token = AnswerOf<'tokenList'>[number];

export function Tokens() {
  const [isAdding, setAdding] = useState(false);
  const [secret, setSecret] = useState<string>();
  const tokens = useList('tokens', (signal) => call('tokenList', {}, signal));
  const head = {
    title: 'Tokens',
    about: 'For programs that ask over HTTP; each says what it may',
    aside: (
      <Button small icon="plus" onClick={() => setAdding(true)}>
        Create a token
      </Button>
    ),
  };
  const onMade = (made: string) => {
    setSecret(made);
    tokens.reload();
  };
  return (
    <>
      <List
        pages={tokens}
        waiting="Asking for tokens"
        head={head}
        caption="Tokens"
        columns={columns}
        keyOf={({ name }) => name}
        actions={({ name }) => (
          <ActButton
            kind="danger"
            act={() => call('tokenRevoke', { name })}
            done={`The token ${name} no longer works`}
            then={tokens.reload}
            of={name}
          >
            Revoke
          </ActButton>
        )}
        empty={<NoTokens />}
      />
      {isAdding && <CreateDialog onMade={onMade} onClose={() => setAdding(false)} />}
      {secret !== undefined && (
        <SecretDialog
          title="The token"
          secret={secret}
          what="the token"
          onClose={() => setSecret(undefined)}
        >
          A program sends it as <code>Authorization: Bearer …</code>.
        </SecretDialog>
      )}
    </>
  );
}

const columns: readonly Column<Token>[] = [
  { name: 'Name', kind: 'text', cell: ({ name }) => name },
  {
    name: 'May',
    cell: ({ allows }) => (
      <span class="badges">
        {allows.map((one) => (
          <Badge key={one} tone={one === 'all' ? 'accent' : 'calm'}>
            {one}
          </Badge>
        ))}
      </span>
    ),
  },
  { name: 'Created', cell: ({ created }) => <When at={created} /> },
  {
    name: 'Expires',
    cell: ({ expires }) =>
      expires === null ? <span class="faint">never</span> : <When at={expires} />,
  },
];

function NoTokens() {
  return (
    <Empty icon="key" title="No tokens">
      <p>
        Everything that this console does, programs can do as well:{' '}
        <a href="/postrider/openapi.json">OpenAPI</a> says what there is. A token that may only read
        is enough for monitoring.
      </p>
    </Empty>
  );
}

interface CreateProps {
  readonly onMade: (token: string) => void;
  readonly onClose: () => void;
}

function CreateDialog({ onMade, onClose }: CreateProps) {
  const create = (given: FormData) =>
    attempt(async () => {
      const days = Number(given.get('days'));
      const { token } = await call('tokenCreate', {
        ...{ name: said(given, 'name'), allows: [said(given, 'allows')] },
        ...(days > 0 && { days }),
      });
      onMade(token);
      return undefined;
    });
  return (
    <FormDialog title="Create a token" submit="Create" onSubmit={create} onClose={onClose}>
      <TextField label="Name" name="name" required autoComplete="off" placeholder="monitoring" />
      <ChoiceField label="May" name="allows" options={rights} />
      <ChoiceField label="Expires after" name="days" options={spans} />
    </FormDialog>
  );
}

const rights = [
  ['read', 'read everything, change nothing'],
  ['submit', 'hand in messages'],
  ['all', 'everything an administrator may'],
] as const;
const spans = [
  ['90', '90 days'],
  ['365', 'a year'],
  ['30', '30 days'],
  ['0', 'never'],
] as const;
