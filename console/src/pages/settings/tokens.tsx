// What programs ask with over HTTP.

import { useState } from 'preact/hooks';
import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { Badge } from '../../components/badge.tsx';
import { Code } from '../../components/code.tsx';
import { Dialog, FormDialog } from '../../components/dialog.tsx';
import { Button, Panel } from '../../components/page.tsx';
import { Empty, Problem, Waiting } from '../../components/states.tsx';
import { When } from '../../components/time.tsx';
import { attempt } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';

type Token = AnswerOf<'tokenList'>[number];

export function Tokens() {
  const [isAdding, setAdding] = useState(false);
  const [secret, setSecret] = useState<string>();
  const { data, error, loading, reload } = useAnswer('tokens', (signal) =>
    call('tokenList', {}, signal),
  );
  const revoke = (name: string) =>
    void attempt(async () => {
      await call('tokenRevoke', { name });
      return `The token ${name} no longer works`;
    }).then(reload);
  return (
    <>
      {error !== undefined && <Problem text={error} retry={reload} />}
      {loading && <Waiting what="Asking for tokens" />}
      {data !== undefined && (
        <Panel
          title="Tokens"
          about="For programs that ask over HTTP; each says what it may"
          aside={
            <Button small icon="plus" onClick={() => setAdding(true)}>
              Create a token
            </Button>
          }
          bare
        >
          {data.length === 0 ? <NoTokens /> : <TokenTable tokens={data} onRevoke={revoke} />}
        </Panel>
      )}
      {isAdding && (
        <CreateDialog
          onMade={(made) => {
            setSecret(made);
            reload();
          }}
          onClose={() => setAdding(false)}
        />
      )}
      {secret !== undefined && (
        <Dialog title="The token" onClose={() => setSecret(undefined)}>
          <Code text={secret} what="the token" wraps />
          <p class="soft">
            It is shown this once. A program sends it as <code>Authorization: Bearer …</code>.
          </p>
          <footer>
            <Button kind="primary" onClick={() => setSecret(undefined)}>
              Done
            </Button>
          </footer>
        </Dialog>
      )}
    </>
  );
}

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

interface TokenTableProps {
  readonly tokens: readonly Token[];
  readonly onRevoke: (name: string) => void;
}

function TokenTable({ tokens, onRevoke }: TokenTableProps) {
  return (
    <table class="table stacks">
      <caption class="visually-hidden">Tokens</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">May</th>
          <th scope="col">Created</th>
          <th scope="col">Expires</th>
          <th scope="col">
            <span class="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {tokens.map(({ name, allows, created, expires }) => (
          <tr key={name}>
            <td class="lead break">{name}</td>
            <td data-label="May">
              <span class="badges">
                {allows.map((one) => (
                  <Badge key={one} tone={one === 'all' ? 'wait' : 'calm'} icon={undefined}>
                    {one}
                  </Badge>
                ))}
              </span>
            </td>
            <td data-label="Created">
              <When at={created} />
            </td>
            <td data-label="Expires">
              {expires === null ? <span class="faint">never</span> : <When at={expires} />}
            </td>
            <td class="act">
              <div class="actions end">
                <Button small kind="danger" onClick={() => onRevoke(name)}>
                  Revoke<span class="visually-hidden"> {name}</span>
                </Button>
              </div>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
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
        name: String(given.get('name')).trim(),
        allows: [String(given.get('allows'))],
        ...(days > 0 && { days }),
      });
      onMade(token);
      return undefined;
    });
  return (
    <FormDialog title="Create a token" submit="Create" onSubmit={create} onClose={onClose}>
      <label class="field">
        <span>Name</span>
        <input class="input" name="name" required autoComplete="off" placeholder="monitoring" />
      </label>
      <label class="field">
        <span>May</span>
        <select class="select" name="allows">
          <option value="read">read everything, change nothing</option>
          <option value="submit">hand in messages</option>
          <option value="all">everything an administrator may</option>
        </select>
      </label>
      <label class="field">
        <span>Expires after</span>
        <select class="select" name="days">
          <option value="90">90 days</option>
          <option value="365">a year</option>
          <option value="30">30 days</option>
          <option value="0">never</option>
        </select>
      </label>
    </FormDialog>
  );
}
