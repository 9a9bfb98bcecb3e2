// How the server does: traffic, queue, latency and what stands in the way, over time and now.

import type { AnswerOf } from '../api.ts';
import { call } from '../api.ts';
import { Chart } from '../components/chart.tsx';
import { PageHead, Panel } from '../components/page.tsx';
import { Segments } from '../components/segments.tsx';
import { SilentNodes } from '../components/silent-nodes.tsx';
import { Problem, Waiting } from '../components/states.tsx';
import { type Column, Table } from '../components/table.tsx';
import { duration, number } from '../format.ts';
import { query, setQuery } from '../router.ts';
import { useAnswer } from '../use-answer.ts';
import { Bars } from './overview/bars.tsx';
import { Numbers } from './overview/numbers.tsx';

type Statistics = AnswerOf<'statistics'>;

const lookMs = 5000;
const periods = [
  ['hour', 'Hour'],
  ['day', 'Day'],
  ['month', '30 days'],
  ['quarter', '90 days'],
] as const;

export function Page() {
  const asked = query.value.get('period');
  const period = periods.find(([one]) => one === asked)?.[0] ?? 'hour';
  const statistics = useAnswer(period, (signal) => call('statistics', { period }, signal), {
    everyMs: lookMs,
  });
  const { data, error, loading, reload } = statistics;
  return (
    <>
      <PageHead title="Overview" about="How mail goes in and out">
        <Segments
          label="Period"
          value={period}
          options={periods}
          onChange={(next) => setQuery({ period: next === 'hour' ? undefined : next })}
        />
      </PageHead>
      {error !== undefined && <Problem text={error} retry={reload} />}
      <Numbers statistics={data} />
      {loading && <Waiting what="Counting" />}
      {data !== undefined && <Charts statistics={data} />}
    </>
  );
}

type AtNode = Statistics['nodes'][number];

const nodeColumns: readonly Column<AtNode>[] = [
  { name: 'Node', kind: 'text', cell: ({ node }) => node },
  ...(['received', 'delivered', 'deferred', 'bounced', 'refused'] as const).map(
    (name): Column<AtNode> => ({
      ...{ name: name[0]!.toUpperCase() + name.slice(1), kind: 'number' },
      cell: (one) => number(one[name]),
    }),
  ),
];

/** Nothing where there is one server. */
function Nodes({ statistics: { nodes, silent } }: { readonly statistics: Statistics }) {
  if (nodes.length === 0) return null;
  return (
    <Panel title="Nodes" about="What each has done in this period">
      <SilentNodes of={silent} />
      <Table caption="What each node has done" rows={nodes} columns={nodeColumns} plain />
    </Panel>
  );
}

const seconds = (value: number): string => (value === 0 ? '0' : duration(value * 1000));

function Charts({ statistics }: { readonly statistics: Statistics }) {
  return (
    <>
      <OverTime statistics={statistics} />
      <Nodes statistics={statistics} />
      <Most top={statistics.top} />
    </>
  );
}

function OverTime({ statistics }: { readonly statistics: Statistics }) {
  const { stepSeconds } = statistics;
  const times = { from: Date.parse(statistics.from), stepSeconds };
  const each = `each point is ${duration(stepSeconds * 1000)}`;
  return (
    <div class="grid">
      <Panel title="Traffic" about={`Messages taken in, what became of recipients; ${each}`}>
        <Chart
          title="Traffic over time"
          {...times}
          format={number}
          series={[
            { name: 'received', color: 1, values: statistics.received },
            { name: 'delivered', color: 2, values: statistics.delivered },
            { name: 'deferred', color: 3, values: statistics.deferred },
            { name: 'bounced', color: 4, values: statistics.bounced },
          ]}
        />
      </Panel>
      <Panel title="Queue" about="Recipients that wait">
        <Chart
          title="Recipients in the queue over time"
          {...times}
          format={number}
          series={[{ name: 'waiting', color: 1, values: statistics.queued }]}
        />
      </Panel>
      <Panel title="Time to delivery" about="From coming in to being delivered or handed on">
        <Chart
          title="Time to delivery over time"
          {...times}
          format={seconds}
          series={[
            { name: 'half within', color: 1, values: statistics.latency.p50 },
            { name: '95 % within', color: 3, values: statistics.latency.p95 },
            { name: '99 % within', color: 4, values: statistics.latency.p99 },
          ]}
        />
      </Panel>
      <Panel title="Refused" about="What clients were told by 4yz and 5yz">
        <Chart
          title="Refusals over time"
          {...times}
          format={number}
          series={[{ name: 'refused', color: 4, values: statistics.refused }]}
        />
      </Panel>
    </div>
  );
}

/** Of the last day. */
function Most({ top }: Pick<Statistics, 'top'>) {
  return (
    <div class="grid">
      <Panel title="Why mail is deferred" about="Of the last day, in the words of the other side">
        <Bars
          items={top.deferrals}
          color={3}
          to={(name) => `/queue?q=${encodeURIComponent(name)}`}
          none="Nothing was deferred within a day."
        />
      </Panel>
      <Panel title="Why mail is refused" about="Of the last day">
        <Bars
          items={top.refusals}
          color={4}
          to={(name) => `/messages?kind=refused&q=${encodeURIComponent(name)}`}
          none="Nothing was refused within a day."
        />
      </Panel>
      <Panel title="Who sends most">
        <Bars
          items={top.senders}
          color={1}
          to={(name) => `/messages?q=${encodeURIComponent(name)}`}
          none="Nobody has sent anything within a day."
        />
      </Panel>
      <Panel title="Where most goes">
        <Bars
          items={top.destinations}
          color={1}
          to={(name) => `/destinations?q=${encodeURIComponent(name)}`}
          none="Nothing has left within a day."
        />
      </Panel>
    </div>
  );
}
