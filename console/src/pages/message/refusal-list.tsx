// What clients were refused, newest first, with the reply they heard.

import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { Badge } from '../../components/badge.tsx';
import { More } from '../../components/more.tsx';
import { Panel } from '../../components/page.tsx';
import { Empty, Problem, Waiting } from '../../components/states.tsx';
import { When } from '../../components/time.tsx';
import { usePages } from '../../use-pages.ts';

type Refusal = AnswerOf<'refusalSearch'>['refusals'][number];

const lookMs = 10_000;

export function RefusalList({ text }: { readonly text: string }) {
  const pages = usePages(
    `refused ${text}`,
    async (after, signal) => {
      const asked = { ...(text !== '' && { text }), ...(after !== undefined && { after }) };
      const { refusals, next } = await call('refusalSearch', asked, signal);
      return { items: refusals, next };
    },
    { everyMs: lookMs },
  );
  if (pages.error !== undefined && pages.items.length === 0)
    return <Problem text={pages.error} retry={pages.reload} />;
  if (pages.loading) return <Waiting what="Looking through the history" />;
  if (pages.items.length === 0)
    return (
      <Panel>
        <Empty
          icon="shield"
          title={text === '' ? 'Nothing was refused' : 'Nothing like this was refused'}
        >
          <p>
            {text === ''
              ? 'Whatever clients are told by 4yz or 5yz appears here: wrong recipients, failed logins, what policies object to.'
              : 'If it is not among the messages that were taken in either, it was never offered to this server: ask the sender’s side for the reply they got.'}
          </p>
        </Empty>
      </Panel>
    );
  return (
    <Panel bare>
      <table class="table stacks">
        <caption class="visually-hidden">Refusals, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Reply</th>
            <th scope="col">From and to</th>
            <th scope="col">Client</th>
            <th scope="col" class="number">
              When
            </th>
          </tr>
        </thead>
        <tbody>
          {pages.items.map((refusal, i) => (
            <Row key={`${refusal.at} ${i}`} refusal={refusal} />
          ))}
        </tbody>
      </table>
      <More pages={pages} />
    </Panel>
  );
}

function Row({ refusal }: { readonly refusal: Refusal }) {
  const { reply, reason, stage, sender, recipient, recipientCount, client, hello, at } = refusal;
  const forNow = reply?.startsWith('4') === true;
  return (
    <tr>
      <td class="lead break">
        <span class="mono">{reply ?? 'nothing could be said'}</span>
        <span class="sub">
          <Badge tone={forNow ? 'wait' : 'bad'}>
            {stage}
            {forNow && ', for now'}
          </Badge>{' '}
          {reply?.includes(reason) === true ? '' : reason}
        </span>
      </td>
      <td data-label="From and to" class="break">
        {sender === null ? <span class="faint">not said</span> : sender || 'null sender'}
        {recipient !== null && (
          <span class="sub">
            to {recipient}
            {recipientCount > 1 && ` and ${recipientCount - 1} more`}
          </span>
        )}
      </td>
      <td data-label="Client" class="break">
        {client || 'this machine'}
        {hello !== null && <span class="sub">{hello}</span>}
      </td>
      <td data-label="When" class="number">
        <When at={at} />
      </td>
    </tr>
  );
}
