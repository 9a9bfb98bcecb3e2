// What others report of our domains: DMARC (who sends in their name), TLS (whether mail for them comes encrypted),
// complaints.

import { call } from '../api.ts';
import { Answered } from '../components/answered.tsx';
import { Code } from '../components/code.tsx';
import { PageHead, Panel } from '../components/page.tsx';
import { Segments } from '../components/segments.tsx';
import { Empty } from '../components/states.tsx';
import { query, setQuery } from '../router.ts';
import { useAnswer } from '../use-answer.ts';
import { AbuseReports } from './reports/abuse.tsx';
import { DmarcReports } from './reports/dmarc.tsx';
import { TlsReports } from './reports/tls.tsx';

const kinds = [
  ['dmarc', 'DMARC'],
  ['tls', 'TLS'],
  ['abuse', 'Complaints'],
] as const;
type Kind = (typeof kinds)[number][0];

const spans = [
  ['7', '7 days'],
  ['30', '30 days'],
  ['365', 'Year'],
] as const;

const records: Readonly<Record<Kind, string>> = {
  dmarc: '_dmarc.example.org  TXT  "v=DMARC1; p=none; rua=mailto:postmaster@example.org"',
  tls: '_smtp._tls.example.org  TXT  "v=TLSRPTv1; rua=mailto:postmaster@example.org"',
  abuse: 'postmaster@example.org, abuse@example.org',
};

export function Page() {
  const kind = kinds.find(([one]) => one === query.value.get('kind'))?.[0] ?? 'dmarc';
  const days = spans.find(([one]) => one === query.value.get('days'))?.[0] ?? '30';
  const reports = useAnswer(`${kind} ${days}`, (signal) =>
    call('reportList', { kind, since: Date.now() - Number(days) * 86_400_000 }, signal),
  );
  return (
    <>
      <PageHead title="Reports" about="What others tell of mail in the name of your domains">
        <Segments
          label="Kind"
          value={kind}
          options={kinds}
          onChange={(next) => setQuery({ kind: next })}
        />
        <Segments
          label="Of the last"
          value={days}
          options={spans}
          onChange={(next) => setQuery({ days: next })}
        />
      </PageHead>
      <Answered answer={reports} waiting="Reading the reports">
        {(data) =>
          data.length === 0 ? (
            <NoReports kind={kind} />
          ) : (
            <>
              <DmarcReports reports={data.filter((one) => one.kind === 'dmarc')} />
              <TlsReports reports={data.filter((one) => one.kind === 'tls')} />
              <AbuseReports reports={data.filter((one) => one.kind === 'abuse')} />
            </>
          )
        }
      </Answered>
    </>
  );
}

function NoReports({ kind }: { readonly kind: Kind }) {
  return (
    <Panel>
      <Empty icon="report" title="No reports have come">
        {kind === 'abuse' ? (
          <p>
            Complaints come to <code>{records.abuse}</code>, from those with whom the domain is
            enrolled in a feedback loop. That there are none is good news.
          </p>
        ) : (
          <>
            <p>
              Others send them, once a day, to the address that a DNS record names. Publish one like
              this, with an address of this server, and wait a day.
            </p>
            <Code text={records[kind]} what="the record" wraps />
          </>
        )}
        <a class="button" href="/health">
          Records to publish
        </a>
      </Empty>
    </Panel>
  );
}
