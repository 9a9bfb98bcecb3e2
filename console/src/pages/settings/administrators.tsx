// Who logs in to the console, besides the owners of accounts.

import { useState } from 'preact/hooks';
import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { ActButton } from '../../components/act-button.tsx';
import { Answered } from '../../components/answered.tsx';
import { Badge } from '../../components/badge.tsx';
import { FormDialog } from '../../components/dialog.tsx';
import { ChoiceField, PasswordField, said, TextField } from '../../components/form.tsx';
import { Button, Panel } from '../../components/page.tsx';
import { Empty } from '../../components/states.tsx';
import { When } from '../../components/time.tsx';
import { session } from '../../session.ts';
import { attempt } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';
import { addPasskey } from '../login/passkey.ts';
import { OpenSessions } from './open-sessions.tsx';
import { SecondFactorDialog } from './second-factor.tsx';

type Administrator = AnswerOf<'administratorList'>[number];

export function Administrators() {
  const [isAdding, setAdding] = useState(false);
  const administrators = useAnswer('administrators', (signal) =>
    call('administratorList', {}, signal),
  );
  const { reload } = administrators;
  const add = (
    <Button small icon="plus" onClick={() => setAdding(true)}>
      Add
    </Button>
  );
  return (
    <>
      <Answered answer={administrators} waiting="Asking for administrators">
        {(data) => (
          <Panel
            title="Administrators"
            about="Who logs in to this console; owners of accounts log in to their own part"
            aside={add}
            bare
          >
            {data.length === 0 ? (
              <NoAdministrators />
            ) : (
              <ul class="cards">
                {data.map((one) => (
                  <OneAdministrator key={one.name} one={one} onDone={reload} />
                ))}
              </ul>
            )}
          </Panel>
        )}
      </Answered>
      <OpenSessions />
      {isAdding && <AddDialog onDone={reload} onClose={() => setAdding(false)} />}
    </>
  );
}

function NoAdministrators() {
  return (
    <Empty icon="people" title="Nobody yet">
      <p>
        Whoever is added here logs in with a name and a password, and then makes a passkey or adds a
        second factor.
      </p>
    </Empty>
  );
}

interface OneProps {
  readonly one: Administrator;
  readonly onDone: () => void;
}

function OneAdministrator({ one, onDone }: OneProps) {
  const { name, allows, created, secondFactor, passkeys } = one;
  const who = session.value?.who;
  const isSelf = who?.kind === 'administrator' && who.name === name;
  return (
    <li>
      <div class="row spread">
        <p class="row">
          <strong>{name}</strong>
          {isSelf && <span class="faint">you</span>}
          {allows.map((right) => (
            <Badge key={right} tone={right === 'all' ? 'accent' : 'calm'}>
              {right}
            </Badge>
          ))}
        </p>
        <Actions one={one} isSelf={isSelf} onDone={onDone} />
      </div>
      <p class="faint small">
        since <When at={created} />
        {secondFactor ? ', with a second factor' : ', with a password alone'}
      </p>
      {passkeys.length > 0 && (
        <ul class="list">
          {passkeys.map(({ name: passkey }) => (
            <li key={passkey}>
              <span class="row">
                <Badge icon="key">passkey</Badge> {passkey}
              </span>
              <ActButton
                kind="plain"
                act={() => call('passkeyRemove', { name, passkey })}
                done={`The passkey ${passkey} opens nothing any more`}
                then={onDone}
                of={`the passkey ${passkey}`}
              >
                Remove
              </ActButton>
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}

function Actions({ one, isSelf, onDone }: OneProps & { readonly isSelf: boolean }) {
  const { name, secondFactor } = one;
  const [asked, setAsked] = useState<'factor' | 'passkey'>();
  const close = () => setAsked(undefined);
  return (
    <div class="actions">
      {isSelf && (
        <Button small icon="key" onClick={() => setAsked('passkey')}>
          Add a passkey
        </Button>
      )}
      {secondFactor ? (
        <ActButton
          act={() => call('secondFactorRemove', { name })}
          done="The password is enough again"
          then={onDone}
        >
          Remove second factor
        </ActButton>
      ) : (
        <Button small onClick={() => setAsked('factor')}>
          Add second factor
        </Button>
      )}
      <ActButton
        kind="danger"
        act={() => call('administratorRemove', { name })}
        done={`${name} logs in no more`}
        then={onDone}
      >
        Remove
      </ActButton>
      {asked === 'factor' && <SecondFactorDialog name={name} onDone={onDone} onClose={close} />}
      {asked === 'passkey' && <PasskeyDialog onDone={onDone} onClose={close} />}
    </div>
  );
}

interface AskProps {
  readonly onDone: () => void;
  readonly onClose: () => void;
}

function PasskeyDialog({ onDone, onClose }: AskProps) {
  const add = (given: FormData) =>
    attempt(async () => {
      await addPasskey(said(given, 'name'));
      onDone();
      return 'The passkey is there: the next login needs no password';
    });
  return (
    <FormDialog title="Add a passkey" submit="Make it" onSubmit={add} onClose={onClose}>
      <TextField
        label="Name"
        name="name"
        required
        autoComplete="off"
        placeholder="laptop"
        hint="Of the device it is on. Your browser asks for the rest."
      />
    </FormDialog>
  );
}

function AddDialog({ onDone, onClose }: AskProps) {
  const add = (given: FormData) =>
    attempt(async () => {
      const name = said(given, 'name');
      await call('administratorAdd', {
        ...{ name, password: String(given.get('password')) },
        allows: [said(given, 'allows')],
      });
      onDone();
      return `${name} may log in`;
    });
  return (
    <FormDialog title="Add an administrator" submit="Add" onSubmit={add} onClose={onClose}>
      <TextField label="Name" name="name" required autoComplete="off" autoCapitalize="none" />
      <PasswordField kind="new" />
      <ChoiceField label="May" name="allows" options={rights} />
    </FormDialog>
  );
}

const rights = [
  ['all', 'everything'],
  ['read', 'look at everything, change nothing'],
] as const;
