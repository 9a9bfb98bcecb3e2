// What is done with mail that comes: filters, forwarding, an answer while one is away. Each part is saved by itself, and the
// others stay as they are.

import { useState } from 'preact/hooks';
import { Badge } from '../../components/badge.tsx';
import { Button, PageHead, Panel } from '../../components/page.tsx';
import { Empty, Problem, Waiting } from '../../components/states.tsx';
import { attempt } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';
import { FilterDialog } from './filter-dialog.tsx';
import { listOf } from './list-of.ts';
import { type OwnAnswer, own } from './own-api.ts';

type Rules = OwnAnswer<'rules'>;
type Filter = Rules['filters'][number];

interface PartProps {
  readonly rules: Rules;
  /** Resolves to whether it was saved. */
  readonly save: (change: Partial<Rules>, done: string) => Promise<boolean>;
}

export function RulesPage() {
  const { data, error, loading, reload } = useAnswer('rules', (signal) => own('rules', {}, signal));
  const save = (change: Partial<Rules>, done: string) =>
    attempt(async () => {
      await own('rulesSet', { rules: { filters: [], ...data, ...change } });
      reload();
      return done;
    });
  return (
    <>
      <PageHead title="Rules" about="What is done with mail that comes; junk stays in Junk" />
      {error !== undefined && <Problem text={error} retry={reload} />}
      {loading && <Waiting what="Asking for the rules" />}
      {data !== undefined && (
        <>
          <Filters rules={data} save={save} />
          <Forwarding rules={data} save={save} />
          <Vacation rules={data} save={save} />
        </>
      )}
    </>
  );
}

function Filters({ rules: { filters }, save }: PartProps) {
  const [isAdding, setAdding] = useState(false);
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
        <Button small icon="plus" onClick={() => setAdding(true)}>
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
                  <Button small kind="danger" onClick={() => remove(i)}>
                    Remove<span class="visually-hidden"> {filter.name}</span>
                  </Button>
                </div>
              </div>
              <p class="faint small break">
                {conditionsText(filter)}: {actionsText(filter)}
              </p>
            </li>
          ))}
        </ul>
      )}
      {isAdding && (
        <FilterDialog
          onSave={(filter) =>
            save({ filters: [...filters, filter] }, 'Holds from the next message')
          }
          onClose={() => setAdding(false)}
        />
      )}
    </Panel>
  );
}

function conditionsText({ when }: Filter): string {
  const { match, from, to, subject, header, size } = when;
  const said = [
    from && `from has “${from}”`,
    to && `to has “${to}”`,
    subject && `subject has “${subject}”`,
    header && `${header.name} has “${header.contains ?? ''}”`,
    size?.over !== undefined && `larger than ${size.over} bytes`,
    size?.under !== undefined && `smaller than ${size.under} bytes`,
  ].filter((one) => typeof one === 'string' && one !== '');
  return said.length === 0 ? 'All mail' : said.join(match === 'any' ? ' or ' : ' and ');
}

function actionsText({ do: actions }: Filter): string {
  const { folder, flag, markRead, forward, discard } = actions;
  const said = [
    folder && `into ${folder}`,
    flag && 'flagged',
    markRead && 'marked as read',
    forward && `sent on to ${forward.join(', ')}`,
    discard && 'thrown away',
  ].filter((one) => typeof one === 'string');
  return said.join(', ') || 'nothing';
}

function Forwarding({ rules: { forward }, save }: PartProps) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.target as HTMLFormElement);
    const to = listOf(given.get('to'));
    const keepCopy = given.get('keepCopy') !== null;
    const next = to.length === 0 ? undefined : { to, keepCopy };
    void save({ forward: next }, next === undefined ? 'Nothing is sent on' : 'Mail is sent on');
  };
  return (
    <Panel title="Forwarding">
      <form class="stack" onSubmit={submit}>
        <label class="field">
          <span>To</span>
          <input class="input" name="to" defaultValue={forward?.to.join(', ')} />
          <small>Addresses, separated by commas; empty for nobody.</small>
        </label>
        <label class="check">
          <input type="checkbox" name="keepCopy" defaultChecked={forward?.keepCopy ?? true} />
          Keep a copy here
        </label>
        <Save />
      </form>
    </Panel>
  );
}

function Vacation({ rules: { vacation }, save }: PartProps) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.target as HTMLFormElement);
    const said = (name: string) => String(given.get(name) ?? '').trim();
    const next =
      said('text') === ''
        ? undefined
        : {
            ...{ text: said('text'), days: Number(said('days')) || 7 },
            ...(said('subject') !== '' && { subject: said('subject') }),
            ...(said('from') !== '' && { from: said('from') }),
            ...(said('until') !== '' && { until: said('until') }),
          };
    void save(
      { vacation: next },
      next === undefined ? 'Nobody is answered' : 'Whoever writes is answered',
    );
  };
  return (
    <Panel
      title="While you are away"
      about="Each sender is answered once in so many days; lists and programs never"
    >
      <form class="stack" onSubmit={submit}>
        <label class="field">
          <span>Answer</span>
          <textarea class="textarea" name="text" rows={6} defaultValue={vacation?.text} />
          <small>Empty for no answer.</small>
        </label>
        <label class="field">
          <span>Subject</span>
          <input
            class="input"
            name="subject"
            defaultValue={vacation?.subject}
            placeholder="Auto: and the subject of what is answered"
          />
        </label>
        <label class="field">
          <span>First day</span>
          <input
            class="input"
            type="date"
            name="from"
            defaultValue={vacation?.from?.slice(0, 10)}
          />
        </label>
        <label class="field">
          <span>Last day</span>
          <input
            class="input"
            type="date"
            name="until"
            defaultValue={vacation?.until?.slice(0, 10)}
          />
        </label>
        <label class="field">
          <span>Days until a sender is answered again</span>
          <input
            class="input"
            type="number"
            name="days"
            min={1}
            max={365}
            defaultValue={String(vacation?.days ?? 7)}
          />
        </label>
        <Save />
      </form>
    </Panel>
  );
}

const Save = () => (
  <div class="actions">
    <button type="submit" class="button primary">
      Save
    </button>
  </div>
);
