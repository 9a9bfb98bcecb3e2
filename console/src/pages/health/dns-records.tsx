// The records to publish, ready to be copied into whatever keeps the zone.

import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { Answered } from '../../components/answered.tsx';
import { CopyButton } from '../../components/code.tsx';
import { Panel } from '../../components/page.tsx';
import { Empty } from '../../components/states.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { useAnswer } from '../../use-answer.ts';

type Domain = AnswerOf<'dnsRecords'>[number];
type DnsRecord = Domain['records'][number];

export function DnsRecords() {
  const domains = useAnswer('dns records', (signal) => call('dnsRecords', {}, signal));
  return (
    <Answered answer={domains} waiting="Asking for records">
      {(data) =>
        data.length === 0 ? (
          <NoDomains />
        ) : (
          data.map((domain) => <OneDomain key={domain.domain} domain={domain} />)
        )
      }
    </Answered>
  );
}

function NoDomains() {
  return (
    <Panel>
      <Empty icon="shield" title="No domains">
        <p>
          Name the domains whose mail is delivered here under <code>domains</code> in the
          configuration: the records to publish for them are then listed here.
        </p>
      </Empty>
    </Panel>
  );
}

function OneDomain({ domain: { domain, records } }: { readonly domain: Domain }) {
  const zone = records.map(zoneLine).join('\n');
  return (
    <Panel
      title={`Records of ${domain}`}
      about="To be published by whoever keeps the zone"
      aside={
        <span class="row faint small">
          all of them <CopyButton text={zone} what={`all records of ${domain}`} />
        </span>
      }
      bare
    >
      <Table
        caption={`DNS records of ${domain}`}
        rows={records}
        columns={columns}
        keyOf={({ name, type, value }) => `${name} ${type} ${value}`}
      />
    </Panel>
  );
}

const columns: readonly Column<DnsRecord>[] = [
  {
    name: 'Name',
    kind: 'text',
    cell: ({ name, why }) => (
      <>
        <span class="mono">{name}</span>
        <span class="sub">{why}</span>
      </>
    ),
  },
  { name: 'Type', class: 'record-type', cell: ({ type }) => type },
  {
    name: 'Value',
    class: 'record-value',
    cell: ({ name, type, value }) => (
      <span class="record">
        <span class="mono break">{value}</span>
        <CopyButton text={value} what={`the value of ${name} ${type}`} />
      </span>
    ),
  },
];

/** As a zone file has it; RFC 1035 §3.3.14: texts are of at most 255 octets. */
function zoneLine({ name, type, value }: DnsRecord): string {
  const text = (value.match(/.{1,255}/g) ?? ['']).map((part) => `"${part}"`).join(' ');
  return `${name}. IN ${type} ${type === 'TXT' ? text : value}`;
}
