// Who logs in to the console, besides the owners of accounts.

import { useState } from 'preact/hooks';
import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { Badge } from '../../components/badge.tsx';
import { FormDialog } from '../../components/dialog.tsx';
import { Button, Panel } from '../../components/page.tsx';
import { Empty, Problem, Waiting } from '../../components/states.tsx';
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
  const { data, error, loading, reload } = useAnswer('administrators', (signal) =>
    call('administratorList', {}, signal),
  );
  return (
    <>
      {error !== undefined && <Problem text={error} retry={reload} />}
      {loading && <Waiting what="Asking for administrators" />}
      {data !== undefined && (
        <Panel
          title="Administrators"
          about="Who logs in to this console; owners of accounts log in to their own part"
          aside={
            <Button small icon="plus" onClick={() => setAdding(true)}>
              Add
            </Button>
          }
          bare
        >
          {data.length === 0 ? (
            <Empty icon="people" title="Nobody yet">
              <p>
                Whoever is added here logs in with a name and a password, and then makes a passkey
                or adds a second factor.
              </p>
            </Empty>
          ) : (
            <ul class="cards">
              {data.map((one) => (
                <OneAdministrator key={one.name} one={one} onDone={reload} />
              ))}
            </ul>
          )}
        </Panel>
      )}
      <OpenSessions />
      {isAdding && <AddDialog onDone={reload} onClose={() => setAdding(false)} />}
    </>
  );
}

interface OneProps {
  readonly one: Administrator;
  readonly onDone: () => void;
}

function OneAdministrator({ one, onDone }: OneProps) {
  const [isEnrolling, setEnrolling] = useState(false);
  const [isNaming, setNaming] = useState(false);
  const { name, allows, created, secondFactor, passkeys } = one;
  const who = session.value?.who;
  const isSelf = who?.kind === 'administrator' && who.name === name;
  const act = (work: () => Promise<unknown>, done: string) =>
    void attempt(async () => {
      await work();
      return done;
    }).then(onDone);
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
        <div class="actions">
          {isSelf && (
            <Button small icon="key" onClick={() => setNaming(true)}>
              Add a passkey
            </Button>
          )}
          {secondFactor ? (
            <Button
              small
              onClick={() =>
                act(() => call('secondFactorRemove', { name }), 'The password is enough again')
              }
            >
              Remove second factor
            </Button>
          ) : (
            <Button small onClick={() => setEnrolling(true)}>
              Add second factor
            </Button>
          )}
          <Button
            small
            kind="danger"
            onClick={() =>
              act(() => call('administratorRemove', { name }), `${name} logs in no more`)
            }
          >
            Remove
          </Button>
        </div>
      </div>
      <p class="faint small">
        since <When at={created} />
        {secondFactor ? ', with a second factor' : ', with a password alone'}
      </p>
      {passkeys.length > 0 && (
        <ul class="list">
          {passkeys.map((passkey) => (
            <li key={passkey.name}>
              <span class="row">
                <Badge icon="key">passkey</Badge> {passkey.name}
              </span>
              <Button
                small
                kind="plain"
                onClick={() =>
                  act(
                    () => call('passkeyRemove', { name, passkey: passkey.name }),
                    `The passkey ${passkey.name} opens nothing any more`,
                  )
                }
              >
                Remove<span class="visually-hidden"> the passkey {passkey.name}</span>
              </Button>
            </li>
          ))}
        </ul>
      )}
      {isEnrolling && (
        <SecondFactorDialog name={name} onDone={onDone} onClose={() => setEnrolling(false)} />
      )}
      {isNaming && <PasskeyDialog onDone={onDone} onClose={() => setNaming(false)} />}
    </li>
  );
}

interface AskProps {
  readonly onDone: () => void;
  readonly onClose: () => void;
}

function PasskeyDialog({ onDone, onClose }: AskProps) {
  const add = (given: FormData) =>
    attempt(async () => {
      await addPasskey(String(given.get('name')).trim());
      onDone();
      return 'The passkey is there: the next login needs no password';
    });
  return (
    <FormDialog title="Add a passkey" submit="Make it" onSubmit={add} onClose={onClose}>
      <label class="field">
        <span>Name</span>
        <input class="input" name="name" required autoComplete="off" placeholder="laptop" />
        <small>Of the device it is on. Your browser asks for the rest.</small>
      </label>
    </FormDialog>
  );
}

function AddDialog({ onDone, onClose }: AskProps) {
  const add = (given: FormData) =>
    attempt(async () => {
      const name = String(given.get('name')).trim();
      await call('administratorAdd', {
        ...{ name, password: String(given.get('password')) },
        allows: [String(given.get('allows'))],
      });
      onDone();
      return `${name} may log in`;
    });
  return (
    <FormDialog title="Add an administrator" submit="Add" onSubmit={add} onClose={onClose}>
      <label class="field">
        <span>Name</span>
        <input class="input" name="name" required autoComplete="off" autoCapitalize="none" />
      </label>
      <label class="field">
        <span>Password</span>
        <input class="input" name="password" type="password" required autoComplete="new-password" />
      </label>
      <label class="field">
        <span>May</span>
        <select class="select" name="allows">
          <option value="all">everything</option>
          <option value="read">look at everything, change nothing</option>
        </select>
      </label>
    </FormDialog>
  );
}
