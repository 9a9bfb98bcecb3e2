// What the queue says of each message that waits: the recipients that still do, and what was said to them.

import type { AnswerOf } from '../../api.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { type Column, RowLink } from '../../components/table.tsx';
import { Ago, When } from '../../components/time.tsx';
import { counted } from '../../format.ts';

type Queued = AnswerOf<'queueSearch'>['messages'][number];
type Recipient = Queued['recipients'][number];

export const queueColumns: readonly Column<Queued>[] = [
  { name: 'From and to', kind: 'text', cell: (message) => <FromAndTo {...message} /> },
  { name: 'State', cell: ({ recipients }) => <State recipients={recipients} /> },
  {
    name: 'Last reply',
    kind: 'text',
    class: 'soft reply',
    cell: ({ recipients }) => <LastReply recipients={recipients} />,
  },
  {
    name: 'Next attempt',
    kind: 'number',
    cell: ({ recipients }) => <Next at={nextAttempt(recipients)} />,
  },
  { name: 'Received', kind: 'number', cell: ({ received }) => <When at={received} /> },
];

function FromAndTo({ id, sender, recipients }: Queued) {
  const [first] = recipients;
  return (
    <>
      <RowLink to={`/messages/${encodeURIComponent(id)}`}>{sender || 'Notification'}</RowLink>
      <span class="sub">
        to {first?.address}
        {recipients.length > 1 && ` and ${recipients.length - 1} more`}, {first?.destination}
      </span>
    </>
  );
}

const Next = ({ at }: { readonly at: string | undefined }) =>
  at === undefined ? <span class="faint">none</span> : <Ago at={at} />;

/** The first that any of them waits for. */
export const nextAttempt = (
  recipients: readonly { readonly nextAttempt: string | null }[],
): string | undefined =>
  recipients
    .map(({ nextAttempt: at }) => at)
    .filter((at) => at !== null)
    .sort()[0];

function LastReply({ recipients }: Pick<Queued, 'recipients'>) {
  const waits = waitsOf(recipients);
  const last = recipients.find(({ lastReply }) => lastReply !== null)?.lastReply;
  return (
    <>
      {last ?? <span class="faint">nothing yet</span>}
      {waits !== undefined && <span class="sub">{waits}</span>}
    </>
  );
}

/** Why the first that waits though its time has come does. */
export const waitsOf = (recipients: readonly Recipient[]): string | undefined =>
  recipients.find(({ waits }) => waits !== null)?.waits ?? undefined;

export const isUnderWay = (recipients: readonly Recipient[]): boolean =>
  recipients.some(({ state, waits }) => state === 'active' && waits === null);

function State({ recipients }: { readonly recipients: readonly Recipient[] }) {
  const { tone, word, icon } = stateOf(recipients);
  const attempts = Math.max(...recipients.map((one) => one.attempts), 0);
  return (
    <>
      <Badge tone={tone} icon={icon}>
        {word}
      </Badge>
      {attempts > 0 && <span class="sub">{counted(attempts, 'attempt')}</span>}
    </>
  );
}

function stateOf(recipients: readonly Recipient[]): {
  readonly tone: Tone;
  readonly word: string;
  readonly icon?: 'pause' | 'play';
} {
  const states = recipients.map(({ state }) => state);
  if (isUnderWay(recipients)) return { tone: 'accent', word: 'under way', icon: 'play' };
  if (waitsOf(recipients) !== undefined) return { tone: 'wait', word: 'waits' };
  if (states.every((state) => state === 'held'))
    return { tone: 'calm', word: 'held', icon: 'pause' };
  if (recipients.some(({ attempts }) => attempts > 0)) return { tone: 'wait', word: 'deferred' };
  return { tone: 'accent', word: 'queued' };
}
