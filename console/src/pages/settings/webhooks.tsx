// What is posted to URLs that the configuration names.

import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { Badge } from '../../components/badge.tsx';
import { Code } from '../../components/code.tsx';
import { Button, Panel } from '../../components/page.tsx';
import { Empty, Problem, Waiting } from '../../components/states.tsx';
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
  const { data, error, loading, reload } = useAnswer(
    'webhooks',
    (signal) => call('webhookList', {}, signal),
    { everyMs: lookMs },
  );
  return (
    <>
      {error !== undefined && <Problem text={error} retry={reload} />}
      {loading && <Waiting what="Asking for webhooks" />}
      {data?.length === 0 && (
        <Panel>
          <Empty icon="link" title="No webhooks">
            <p>They tell a program of yours what becomes of mail. The configuration names them:</p>
            <Code text={example} what="the example" />
          </Empty>
        </Panel>
      )}
      {data?.map((webhook) => (
        <OneWebhook key={webhook.name} webhook={webhook} onDone={reload} />
      ))}
    </>
  );
}

function OneWebhook({
  webhook,
  onDone,
}: {
  readonly webhook: Webhook;
  readonly onDone: () => void;
}) {
  const { name, url, events, waiting, givenUp, attempts } = webhook;
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
      <p class="pad faint">
        {number(waiting)} waiting, {number(givenUp)} given up since the start
      </p>
      {attempts.length > 0 && (
        <table class="table stacks">
          <caption class="visually-hidden">Last attempts</caption>
          <thead>
            <tr>
              <th scope="col">Event</th>
              <th scope="col">Answer</th>
              <th scope="col" class="number">
                Took
              </th>
              <th scope="col" class="number">
                When
              </th>
            </tr>
          </thead>
          <tbody>
            {attempts.map((one) => (
              <tr key={`${one.id} ${one.attempt}`}>
                <td class="lead">
                  {one.event}
                  {one.attempt > 1 && <span class="sub">attempt {one.attempt}</span>}
                </td>
                <td data-label="Answer" class="break">
                  <Badge tone={one.problem === null ? 'good' : 'bad'}>{one.status ?? 'none'}</Badge>{' '}
                  {one.problem}
                </td>
                <td data-label="Took" class="number">
                  {duration(one.ms)}
                </td>
                <td data-label="When" class="number">
                  <Ago at={one.at} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}
