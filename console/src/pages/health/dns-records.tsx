// The records to publish, ready to be copied into whatever keeps the zone.

import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { CopyButton } from '../../components/code.tsx';
import { Panel } from '../../components/page.tsx';
import { Empty, Problem, Waiting } from '../../components/states.tsx';
import { useAnswer } from '../../use-answer.ts';

type Domain = AnswerOf<'dnsRecords'>[number];
type DnsRecord = Domain['records'][number];

export function DnsRecords() {
  const { data, error, loading, reload } = useAnswer('dns records', (signal) =>
    call('dnsRecords', {}, signal),
  );
  return (
    <>
      {error !== undefined && <Problem text={error} retry={reload} />}
      {loading && <Waiting what="Asking for records" />}
      {data?.length === 0 && (
        <Panel>
          <Empty icon="shield" title="No domains">
            <p>
              Name the domains whose mail is delivered here under <code>domains</code> in the
              configuration: the records to publish for them are then listed here.
            </p>
          </Empty>
        </Panel>
      )}
      {data?.map((domain) => (
        <OneDomain key={domain.domain} domain={domain} />
      ))}
    </>
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
      <table class="table stacks">
        <caption class="visually-hidden">DNS records of {domain}</caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Type</th>
            <th scope="col">Value</th>
          </tr>
        </thead>
        <tbody>
          {records.map((record) => (
            <Row key={`${record.name} ${record.type} ${record.value}`} record={record} />
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function Row({ record }: { readonly record: DnsRecord }) {
  const { name, type, value, why } = record;
  return (
    <tr>
      <td class="lead break">
        <span class="mono">{name}</span>
        <span class="sub">{why}</span>
      </td>
      <td data-label="Type">{type}</td>
      <td data-label="Value">
        <span class="record">
          <span class="mono break">{value}</span>
          <CopyButton text={value} what={`the value of ${name} ${type}`} />
        </span>
      </td>
    </tr>
  );
}

/** As a zone file has it; RFC 1035 §3.3.14: texts are of at most 255 octets. */
function zoneLine({ name, type, value }: DnsRecord): string {
  const text = (value.match(/.{1,255}/g) ?? ['']).map((part) => `"${part}"`).join(' ');
  return `${name}. IN ${type} ${type === 'TXT' ? text : value}`;
}
