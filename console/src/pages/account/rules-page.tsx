// What is done with mail that comes: filters, forwarding, an answer while one is away. Each part is saved by itself, and the
// others stay as they are.

import { useState } from 'preact/hooks';
import { actionsText, conditionsText } from '../../../../src/policy/rules/rule-text.ts';
import { Answered } from '../../components/answered.tsx';
import { Badge } from '../../components/badge.tsx';
import { Check, Form, LongTextField, said, TextField } from '../../components/form.tsx';
import { Button, PageHead, Panel } from '../../components/page.tsx';
import { Empty } from '../../components/states.tsx';
import { attempt } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';
import { FilterDialog } from './filter-dialog.tsx';
import { listOf } from './list-of.ts';
import { type OwnAnswer, own } from './own-api.ts';

type Rules = OwnAnswer<'rules'>;

/** RFC 5230 §4.1 */
const usualDays = 7;

interface PartProps {
  readonly rules: Rules;
  /** Resolves to whether it was saved. */
  readonly save: (change: Partial<Rules>, done: string) => Promise<boolean>;
}

export function RulesPage() {
  const rules = useAnswer('rules', (signal) => own('rules', {}, signal));
  const save = (change: Partial<Rules>, done: string) =>
    attempt(async () => {
      await own('rulesSet', { rules: { filters: [], ...rules.data, ...change } });
      rules.reload();
      return done;
    });
  return (
    <>
      <PageHead title="Rules" about="What is done with mail that comes; junk stays in Junk" />
      <Answered answer={rules} waiting="Asking for the rules">
        {(data) => (
          <>
            <Filters rules={data} save={save} />
            <Forwarding rules={data} save={save} />
            <Vacation rules={data} save={save} />
          </>
        )}
      </Answered>
    </>
  );
}

function Filters({ rules: { filters }, save }: PartProps) {
  /** The place of what is changed; 'new' for one more. */
  const [open, setOpen] = useState<number | 'new' | undefined>();
  const remove = (at: number) =>
    void save({ filters: filters.filter((_, i) => i !== at) }, 'The filter is gone');
  const moveUp = (at: number) => {
    const rest = filters.filter((_, i) => i !== at);
    void save({ filters: rest.toSpliced(at - 1, 0, filters[at]!) }, 'Moved');
  };
  return (
    <Panel
      title="Filters"
      about="Asked in this order"
      aside={
        <Button small icon="plus" onClick={() => setOpen('new')}>
          Add
        </Button>
      }
      bare
    >
      {filters.length === 0 ? (
        <Empty icon="tag" title="No filters yet">
          <p>A filter files mail into a folder, marks it, sends it on or throws it away.</p>
        </Empty>
      ) : (
        <ul class="cards">
          {filters.map((filter, i) => (
            <li key={`${i} ${filter.name}`}>
              <div class="row spread">
                <p class="row">
                  <strong class="break">{filter.name}</strong>
                  {filter.stop && <Badge>last</Badge>}
                </p>
                <div class="actions">
                  {i > 0 && (
                    <Button small kind="plain" onClick={() => moveUp(i)}>
                      Up<span class="visually-hidden">: {filter.name}</span>
                    </Button>
                  )}
                  <Button small kind="plain" onClick={() => setOpen(i)}>
                    Change<span class="visually-hidden"> {filter.name}</span>
                  </Button>
                  <Button small kind="danger" onClick={() => remove(i)}>
                    Remove<span class="visually-hidden"> {filter.name}</span>
                  </Button>
                </div>
              </div>
              <p class="faint small break">
                {capital(conditionsText(filter))}: {actionsText(filter)}
              </p>
            </li>
          ))}
        </ul>
      )}
      {open !== undefined && (
        <FilterDialog
          filter={open === 'new' ? undefined : filters[open]}
          onSave={(filter) =>
            save(
              { filters: open === 'new' ? [...filters, filter] : filters.with(open, filter) },
              'Holds from the next message',
            )
          }
          onClose={() => setOpen(undefined)}
        />
      )}
    </Panel>
  );
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function Forwarding({ rules: { forward }, save }: PartProps) {
  const submit = (given: FormData) => {
    const to = listOf(given.get('to'));
    const keepCopy = given.get('keepCopy') !== null;
    const next = to.length === 0 ? undefined : { to, keepCopy };
    return save({ forward: next }, next === undefined ? 'Nothing is sent on' : 'Mail is sent on');
  };
  return (
    <Panel title="Forwarding">
      <Form submit="Save" onSubmit={submit}>
        <TextField
          label="To"
          name="to"
          defaultValue={forward?.to.join(', ')}
          hint="Addresses, separated by commas; empty for nobody."
        />
        <Check
          name="keepCopy"
          label="Keep a copy here"
          defaultChecked={forward?.keepCopy ?? true}
        />
      </Form>
    </Panel>
  );
}

function vacationOf(given: FormData): Rules['vacation'] {
  const [text, subject, from, until] = ['text', 'subject', 'from', 'until'].map((name) =>
    said(given, name),
  );
  if (!text) return undefined;
  return {
    ...{ text, days: Number(said(given, 'days')) || usualDays },
    ...(subject && { subject }),
    ...(from && { from }),
    ...(until && { until }),
  };
}

function Vacation({ rules: { vacation }, save }: PartProps) {
  const submit = (given: FormData) => {
    const next = vacationOf(given);
    const done = next === undefined ? 'Nobody is answered' : 'Whoever writes is answered';
    return save({ vacation: next }, done);
  };
  return (
    <Panel
      title="While you are away"
      about="Each sender is answered once in so many days; lists and programs never"
    >
      <Form submit="Save" onSubmit={submit}>
        <LongTextField
          label="Answer"
          name="text"
          rows={6}
          defaultValue={vacation?.text}
          hint="Empty for no answer."
        />
        <TextField
          label="Subject"
          name="subject"
          defaultValue={vacation?.subject}
          placeholder="Auto: and the subject of what is answered"
        />
        <TextField
          label="First day"
          type="date"
          name="from"
          defaultValue={vacation?.from?.slice(0, 10)}
        />
        <TextField
          label="Last day"
          type="date"
          name="until"
          defaultValue={vacation?.until?.slice(0, 10)}
        />
        <TextField
          label="Days until a sender is answered again"
          type="number"
          name="days"
          min={1}
          max={365}
          defaultValue={String(vacation?.days ?? usualDays)}
        />
      </Form>
    </Panel>
  );
}
