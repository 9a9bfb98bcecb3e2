// Where mail goes next: how much waits for each place, how it does there, and what is done about it.

import type { AnswerOf } from '../api.ts';
import { call } from '../api.ts';
import { Badge } from '../components/badge.tsx';
import { More } from '../components/more.tsx';
import { Button, PageHead, Panel } from '../components/page.tsx';
import { SearchField } from '../components/search-field.tsx';
import { Empty, Problem, Waiting } from '../components/states.tsx';
import { Ago } from '../components/time.tsx';
import { counted, number, relative } from '../format.ts';
import { query, setQuery } from '../router.ts';
import { attempt } from '../toasts.ts';
import { usePages } from '../use-pages.ts';

type Destination = AnswerOf<'destinationList'>['destinations'][number];

const lookMs = 5000;

export function Page() {
  const text = query.value.get('q') ?? '';
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
      <div class="filters">
        <SearchField
          label="Search destinations"
          hint="Domain or host"
          value={text}
          onSearch={(q) => setQuery({ q })}
        />
      </div>
      {pages.error !== undefined && <Problem text={pages.error} retry={pages.reload} />}
      {pages.loading ? (
        <Waiting what="Asking for destinations" />
      ) : pages.items.length === 0 ? (
        pages.error === undefined && <NoDestinations isFiltered={text !== ''} />
      ) : (
        <Panel bare>
          <Destinations items={pages.items} onDone={pages.reload} />
          <More pages={pages} />
        </Panel>
      )}
    </>
  );
}

function NoDestinations({ isFiltered }: { readonly isFiltered: boolean }) {
  return (
    <Panel>
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
    </Panel>
  );
}

interface DestinationsProps {
  readonly items: readonly Destination[];
  readonly onDone: () => void;
}

function Destinations({ items, onDone }: DestinationsProps) {
  return (
    <table class="table stacks">
      <caption class="visually-hidden">Destinations, the largest backlog first</caption>
      <thead>
        <tr>
          <th scope="col">Destination</th>
          <th scope="col" class="number">
            Waiting
          </th>
          <th scope="col" class="number">
            Attempts now
          </th>
          <th scope="col">Last reply</th>
          <th scope="col">
            <span class="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((one) => (
          <Row key={one.destination} one={one} onDone={onDone} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ one, onDone }: { readonly one: Destination; readonly onDone: () => void }) {
  const { destination, name, queued, held, oldest, active, window, last } = one;
  return (
    <tr>
      <td class="lead break">
        <a
          class="main-link"
          data-row
          href={`/queue?destination=${encodeURIComponent(destination)}`}
        >
          {name}
        </a>
        <span class="badges">
          <Condition one={one} />
        </span>
      </td>
      <td data-label="Waiting" class="number">
        {number(queued)}
        {held > 0 && <span class="sub">{number(held)} held</span>}
        {oldest !== null && <span class="sub">since {relative(Date.parse(oldest))}</span>}
      </td>
      <td data-label="Attempts now" class="number">
        {number(active)}
        {window !== null && <span class="sub">of {number(window)}</span>}
      </td>
      <td data-label="Last reply" class="break">
        {last === null ? (
          <span class="faint">nothing yet</span>
        ) : (
          <>
            {last.reply}
            <span class="sub">
              <Ago at={last.at} />
              {last.host !== null && ` · ${last.host}`}
              {last.tls !== null && ` · ${last.tls}`}
            </span>
          </>
        )}
      </td>
      <td class="act">
        <Actions one={one} onDone={onDone} />
      </td>
    </tr>
  );
}

function Condition({ one: { onHold, deadUntil, last } }: { readonly one: Destination }) {
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
  if (last?.result === 'deferred') return <Badge tone="wait">defers</Badge>;
  if (last?.result === 'failed') return <Badge tone="bad">refuses</Badge>;
  if (last !== null) return <Badge tone="good">takes mail</Badge>;
  return null;
}

function Actions({ one, onDone }: { readonly one: Destination; readonly onDone: () => void }) {
  const { destination, name, onHold, queued, deadUntil } = one;
  const act = (
    operation: 'destinationHold' | 'destinationRelease' | 'destinationForget',
    done: string,
  ) =>
    void attempt(async () => {
      await call(operation, { destination });
      return `${name} ${done}`;
    }).then(onDone);
  const retry = () =>
    void attempt(async () => {
      const count = await call('destinationRetry', { destination });
      return `${counted(count, 'recipient')} tried again now`;
    }).then(onDone);
  return (
    <div class="actions end">
      {queued > 0 && (
        <Button small icon="retry" onClick={retry}>
          Retry
        </Button>
      )}
      {deadUntil !== null && queued === 0 && (
        <Button small onClick={() => act('destinationForget', 'is no longer thought dead')}>
          Forget
        </Button>
      )}
      {onHold ? (
        <Button small icon="play" onClick={() => act('destinationRelease', 'is released')}>
          Release
        </Button>
      ) : (
        <Button small icon="pause" onClick={() => act('destinationHold', 'is held')}>
          Hold
        </Button>
      )}
    </div>
  );
}
