// How much like spam a message is, as rspamd says, and for what.

import { type AnswerOf, call } from '../../api.ts';
import { Answered } from '../../components/answered.tsx';
import { Badge } from '../../components/badge.tsx';
import { Code } from '../../components/code.tsx';
import { Empty } from '../../components/states.tsx';
import { type Column, Table } from '../../components/table.tsx';
import type { TabProps } from '../../mail/mail.ts';
import { session } from '../../session.ts';
import { useAnswer } from '../../use-answer.ts';

type Check = AnswerOf<'mailCheckSpam'>;
type Rule = Check['rules'][number];

const example = `apt-get install rspamd     # or: docker run -p 127.0.0.1:11333:11333 rspamd/rspamd
./bin/postrider dev --rspamd http://127.0.0.1:11333`;

export function SpamTab({ mail: { mailbox, id } }: TabProps) {
  const answer = useAnswer(`spam ${mailbox} ${id}`, (signal) =>
    call('mailCheckSpam', { address: mailbox, id }, signal),
  );
  if (answer.error?.startsWith('there is no rspamd') === true)
    return (
      <Empty icon="shield" title="There is no rspamd to ask">
        {session.value?.dev === true ? (
          <>
            <p>Start one, and say where it answers:</p>
            <Code text={example} what="the example" wraps />
          </>
        ) : (
          <p>
            Name one in the configuration, as a filter of kind <code>rspamd</code>.
          </p>
        )}
      </Empty>
    );
  return (
    <Answered answer={answer} waiting="Asking rspamd">
      {(check) => <Result check={check} />}
    </Answered>
  );
}

function Result({ check: { spam, action, score, required, rules } }: { readonly check: Check }) {
  return (
    <div class="stack">
      <p class="row">
        <Badge tone={spam ? 'bad' : 'good'}>{spam ? 'like spam' : 'fine'}</Badge>
        <span>
          {score} of {required} points
        </span>
        <span class="faint">rspamd would say: {action}</span>
      </p>
      <p class="faint small">
        Asked without the address that it came from, so that nothing about the sending server
        counts.
      </p>
      {rules.length > 0 && (
        <Table caption="Rules" rows={rules} columns={columns} keyOf={({ name }) => name} plain />
      )}
    </div>
  );
}

const columns: readonly Column<Rule>[] = [
  {
    name: 'Rule',
    kind: 'text',
    cell: ({ name, description }) => (
      <>
        {name}
        {description !== '' && <span class="sub">{description}</span>}
      </>
    ),
  },
  {
    name: 'Points',
    kind: 'number',
    cell: ({ score }) => (
      <span class={score > 0 ? 'against' : ''}>{score > 0 ? `+${score}` : score}</span>
    ),
  },
];
