// What is posted to URLs that the configuration names.

import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { Answered } from '../../components/answered.tsx';
import { Badge } from '../../components/badge.tsx';
import { Code } from '../../components/code.tsx';
import { Button, Panel } from '../../components/page.tsx';
import { SilentNodes } from '../../components/silent-nodes.tsx';
import { Empty } from '../../components/states.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { Ago } from '../../components/time.tsx';
import { duration, number } from '../../format.ts';
import { attempt } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';

type Webhook = AnswerOf<'webhookList'>[number];

const lookMs = 5000;
const example = `webhooks: [
  {
    name: 'application',
    url: 'https://app.example.org/mail',
    secretFile: 'webhook.secret', // echo "whsec_$(openssl rand -base64 32)"
    events: ['delivered', 'bounced'],
  },
],`;

export function Webhooks() {
  const webhooks = useAnswer('webhooks', (signal) => call('webhookList', {}, signal), {
    everyMs: lookMs,
  });
  return (
    <Answered answer={webhooks} waiting="Asking for webhooks">
      {(data) =>
        data.length === 0 ? (
          <NoWebhooks />
        ) : (
          <>
            <SilentNodes of={data[0]!.silent} />
            {data.map((webhook) => (
              <OneWebhook key={webhook.name} webhook={webhook} onDone={webhooks.reload} />
            ))}
          </>
        )
      }
    </Answered>
  );
}

function NoWebhooks() {
  return (
    <Panel>
      <Empty icon="link" title="No webhooks">
        <p>They tell a program of yours what becomes of mail. The configuration names them:</p>
        <Code text={example} what="the example" />
      </Empty>
    </Panel>
  );
}

interface OneProps {
  readonly webhook: Webhook;
  readonly onDone: () => void;
}

function OneWebhook({ webhook, onDone }: OneProps) {
  const { name, url, events, attempts, nodes } = webhook;
  const test = () =>
    void attempt(async () => {
      const { status, ms, problem } = await call('webhookTest', { name });
      if (problem !== null) throw new Error(`${name}: ${problem}`);
      return `${name} answered ${status} in ${duration(ms)}`;
    }).then(onDone);
  return (
    <Panel
      title={name}
      about={`${url} · ${events.join(', ')}`}
      aside={
        <Button small icon="out" onClick={test}>
          Send a test
        </Button>
      }
      bare
    >
      <p class="pad faint">{waits(webhook)}</p>
      {nodes.map((one) => (
        <p key={one.node} class="pad faint">
          {one.node}: {waits(one)}
        </p>
      ))}
      {attempts.length > 0 && (
        <Table
          caption="Last attempts"
          rows={attempts}
          columns={nodes.length > 0 ? [...columns, nodeColumn] : columns}
          keyOf={(one) => `${one.id} ${one.attempt}`}
        />
      )}
    </Panel>
  );
}

const waits = ({ waiting, givenUp }: Webhook['nodes'][number] | Webhook): string =>
  `${number(waiting)} waiting, ${number(givenUp)} given up since the start`;

const nodeColumn: Column<Webhook['attempts'][number]> = {
  name: 'Node',
  cell: ({ node }) => node ?? '–',
};

const columns: readonly Column<Webhook['attempts'][number]>[] = [
  {
    name: 'Event',
    cell: ({ event, attempt }) => (
      <>
        {event}
        {attempt > 1 && <span class="sub">attempt {attempt}</span>}
      </>
    ),
  },
  {
    name: 'Answer',
    kind: 'text',
    cell: ({ problem, status }) => (
      <>
        <Badge tone={problem === null ? 'good' : 'bad'}>{status ?? 'none'}</Badge> {problem}
      </>
    ),
  },
  { name: 'Took', kind: 'number', cell: ({ ms }) => duration(ms) },
  { name: 'When', kind: 'number', cell: ({ at }) => <Ago at={at} /> },
];
