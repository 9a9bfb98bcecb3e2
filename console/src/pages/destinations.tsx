// Where mail goes next: how much waits for each place, how it does there, and what is done about it.

import type { AnswerOf } from '../api.ts';
import { call } from '../api.ts';
import { ActButton } from '../components/act-button.tsx';
import { Badge } from '../components/badge.tsx';
import { Filters } from '../components/filters.tsx';
import { List } from '../components/list.tsx';
import { Button, PageHead } from '../components/page.tsx';
import { Empty } from '../components/states.tsx';
import { type Column, RowLink } from '../components/table.tsx';
import { Ago } from '../components/time.tsx';
import { counted, number, relative } from '../format.ts';
import { words } from '../router.ts';
import { attempt } from '../toasts.ts';
import { usePages } from '../use-pages.ts';

type Destination = AnswerOf<'destinationList'>['destinations'][number];

const lookMs = 5000;

export function Page() {
  const text = words.value;
  const pages = usePages(
    text,
    async (after, signal) => {
      const asked = { ...(text !== '' && { text }), ...(after !== undefined && { after }) };
      const { destinations, next } = await call('destinationList', asked, signal);
      return { items: destinations, next };
    },
    { everyMs: lookMs },
  );
  return (
    <>
      <PageHead
        title="Destinations"
        about="Where mail goes next: what waits, who answers, and with what words"
      />
      <Filters label="Search destinations" hint="Domain or host" />
      <List
        pages={pages}
        waiting="Asking for destinations"
        caption="Destinations, the largest backlog first"
        columns={columns}
        keyOf={({ destination }) => destination}
        actions={(one) => <Actions one={one} onDone={pages.reload} />}
        empty={<NoDestinations isFiltered={text !== ''} />}
      />
    </>
  );
}

function NoDestinations({ isFiltered }: { readonly isFiltered: boolean }) {
  return (
    <Empty
      icon="server"
      title={isFiltered ? 'No such destination' : 'Nothing has gone anywhere yet'}
    >
      <p>
        {isFiltered
          ? 'Neither does anything wait for it, nor has anything gone there lately.'
          : 'Once mail is handed on to another server, that place is listed here: how much waits for it, what it said last, whether it is left alone for now.'}
      </p>
    </Empty>
  );
}

const columns: readonly Column<Destination>[] = [
  {
    name: 'Destination',
    kind: 'text',
    cell: (one) => (
      <>
        <RowLink to={`/queue?destination=${encodeURIComponent(one.destination)}`}>
          {one.name}
        </RowLink>
        <span class="badges">
          <Condition one={one} />
          <Security of={one.security} />
        </span>
      </>
    ),
  },
  {
    name: 'Waiting',
    kind: 'number',
    cell: ({ queued, held, oldest }) => (
      <>
        {number(queued)}
        {held > 0 && <span class="sub">{number(held)} held</span>}
        {oldest !== null && <span class="sub">since {relative(Date.parse(oldest))}</span>}
      </>
    ),
  },
  {
    name: 'Attempts now',
    kind: 'number',
    cell: ({ active, window, nodes }) => (
      <>
        {number(active)}
        {window !== null && <span class="sub">of {number(window)}</span>}
        {nodes.map((one) => (
          <span class="sub" key={one.node}>
            {one.node}: {one.deadUntil === null ? number(one.active) : 'found dead'}
          </span>
        ))}
      </>
    ),
  },
  { name: 'Last reply', kind: 'text', cell: ({ last }) => <LastReply last={last} /> },
];

function LastReply({ last }: Pick<Destination, 'last'>) {
  if (last === null) return <span class="faint">nothing yet</span>;
  const { reply, at, host, tls } = last;
  return (
    <>
      {reply}
      <span class="sub">
        <Ago at={at} />
        {host !== null && ` · ${host}`}
        {tls !== null && ` · ${tls}`}
      </span>
    </>
  );
}

const policyNames = { dane: 'DANE', 'mta-sts': 'MTA-STS', none: undefined } as const;

/** What its domain demands of TLS, and whether that came about; nothing where all went as usual. */
function Security({ of }: { readonly of: Destination['security'] }) {
  if (of === null) return null;
  const name = policyNames[of.policy];
  if (of.result === 'success') return name === undefined ? null : <Badge tone="good">{name}</Badge>;
  return (
    <Badge tone={name === undefined ? 'wait' : 'bad'}>
      {name ?? 'TLS'}: {of.result}
      {of.reason !== null && `, ${of.reason}`}
    </Badge>
  );
}

function Condition({ one: { onHold, deadUntil, waits, last } }: { readonly one: Destination }) {
  if (onHold)
    return (
      <Badge tone="calm" icon="pause">
        held
      </Badge>
    );
  if (deadUntil !== null)
    return (
      <Badge tone="bad" icon="warn">
        found dead, tried again {relative(Date.parse(deadUntil))}
      </Badge>
    );
  if (waits !== null) return <Badge tone="wait">{waits}</Badge>;
  if (last?.result === 'deferred') return <Badge tone="wait">defers</Badge>;
  if (last?.result === 'failed') return <Badge tone="bad">refused the last</Badge>;
  if (last !== null) return <Badge tone="good">takes mail</Badge>;
  return null;
}

function Actions({ one, onDone }: { readonly one: Destination; readonly onDone: () => void }) {
  const { destination, name, onHold, queued, deadUntil } = one;
  const retry = () =>
    void attempt(async () => {
      const count = await call('destinationRetry', { destination });
      return `${counted(count, 'recipient')} tried again now`;
    }).then(onDone);
  return (
    <>
      {queued > 0 && (
        <Button small icon="retry" onClick={retry}>
          Retry
        </Button>
      )}
      {deadUntil !== null && queued === 0 && (
        <ActButton
          act={() => call('destinationForget', { destination })}
          done={`${name} is no longer thought dead`}
          then={onDone}
        >
          Forget
        </ActButton>
      )}
      {onHold ? (
        <ActButton
          icon="play"
          act={() => call('destinationRelease', { destination })}
          done={`${name} is released`}
          then={onDone}
        >
          Release
        </ActButton>
      ) : (
        <ActButton
          icon="pause"
          act={() => call('destinationHold', { destination })}
          done={`${name} is held`}
          then={onDone}
        >
          Hold
        </ActButton>
      )}
    </>
  );
}
