// Messages that wait, each with the recipients that still do and what was said to them.

import type { AnswerOf } from '../../api.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import type { Selection } from '../../components/selection.ts';
import { Ago, When } from '../../components/time.tsx';

type Queued = AnswerOf<'queueSearch'>['messages'][number];
type Recipient = Queued['recipients'][number];

interface QueueTableProps {
  readonly messages: readonly Queued[];
  readonly selection: Selection;
}

export function QueueTable({ messages, selection }: QueueTableProps) {
  const ids = messages.map(({ id }) => id);
  return (
    <table class="table stacks">
      <caption class="visually-hidden">The queue, oldest first</caption>
      <thead>
        <tr>
          <th scope="col" class="pick">
            <input
              type="checkbox"
              aria-label="Choose all that are shown"
              checked={selection.chosen.length === ids.length}
              onChange={() => selection.toggleAll(ids)}
            />
          </th>
          <th scope="col">From and to</th>
          <th scope="col">State</th>
          <th scope="col">Last reply</th>
          <th scope="col" class="number">
            Next attempt
          </th>
          <th scope="col" class="number">
            Received
          </th>
        </tr>
      </thead>
      <tbody>
        {messages.map((message) => (
          <Row key={message.id} message={message} selection={selection} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ message, selection }: { readonly message: Queued; readonly selection: Selection }) {
  const { id, sender, recipients, received } = message;
  const isChosen = selection.has(id);
  const [first] = recipients;
  const said = recipients.find(({ lastReply }) => lastReply !== null)?.lastReply;
  const next = recipients
    .map(({ nextAttempt }) => nextAttempt)
    .filter((at) => at !== null)
    .sort()[0];
  return (
    <tr data-chosen={isChosen}>
      <td class="pick">
        <input
          type="checkbox"
          aria-label={`Choose the message from ${sender || 'the null sender'}`}
          checked={isChosen}
          onChange={() => selection.toggle(id)}
        />
      </td>
      <td class="lead break">
        <a class="main-link" data-row href={`/messages/${encodeURIComponent(id)}`}>
          {sender || 'Notification'}
        </a>
        <span class="sub">
          to {first?.address}
          {recipients.length > 1 && ` and ${recipients.length - 1} more`}, {first?.destination}
        </span>
      </td>
      <td data-label="State">
        <State recipients={recipients} />
      </td>
      <td data-label="Last reply" class="break soft reply">
        {said ?? <span class="faint">nothing yet</span>}
      </td>
      <td data-label="Next attempt" class="number">
        {next === undefined ? <span class="faint">none</span> : <Ago at={next} />}
      </td>
      <td data-label="Received" class="number">
        <When at={received} />
      </td>
    </tr>
  );
}

function State({ recipients }: { readonly recipients: readonly Recipient[] }) {
  const { tone, word, icon } = stateOf(recipients);
  const attempts = Math.max(...recipients.map((one) => one.attempts), 0);
  return (
    <>
      <Badge tone={tone} icon={icon}>
        {word}
      </Badge>
      {attempts > 0 && (
        <span class="sub">
          {attempts} {attempts === 1 ? 'attempt' : 'attempts'}
        </span>
      )}
    </>
  );
}

function stateOf(recipients: readonly Recipient[]): {
  readonly tone: Tone;
  readonly word: string;
  readonly icon?: 'pause' | 'play';
} {
  const states = recipients.map(({ state }) => state);
  if (states.includes('active')) return { tone: 'accent', word: 'under way', icon: 'play' };
  if (states.every((state) => state === 'held'))
    return { tone: 'calm', word: 'held', icon: 'pause' };
  if (recipients.some(({ attempts }) => attempts > 0)) return { tone: 'wait', word: 'deferred' };
  return { tone: 'accent', word: 'queued' };
}
