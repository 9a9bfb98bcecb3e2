// Our aggregate reports beside what the schema of RFC 9990 App. A allows: which elements, in which order where it has
// one, how often, and which values.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Finding } from '../../mail/finding.ts';
import type { Judged } from '../../policy/senders/sender-authentication.ts';
import { formatAggregateReport } from '../../report/format-aggregate.ts';
import { xmlEvents } from '../../report/xml.ts';
import { parseDmarcRecord } from '../../trust/dmarc-record.ts';
import { aggregateReport, dmarcRow } from './dmarc-rows.ts';

type Rule = RegExp | { readonly [name: string]: readonly [rule: Rule, times: RegExp] };

const [once, maybe, any] = [/^1$/, /^[01]$/, /^\d+$/];
const text = /^[^<]+$/;
const policy = /^(?:none|quarantine|reject)$/;
const passOrFail = /^(?:pass|fail)$/;
const alignment = /^[rs]$/;

const feedback: Rule = {
  version: [/^1\.0$/, once],
  report_metadata: [
    {
      ...{ org_name: [text, once], email: [text, once], extra_contact_info: [text, maybe] },
      report_id: [text, once],
      date_range: [{ begin: [/^\d+$/, once], end: [/^\d+$/, once] }, once],
      ...{ error: [text, maybe], generator: [text, maybe] },
    },
    once,
  ],
  policy_published: [
    {
      ...{ domain: [text, once], p: [policy, once], sp: [policy, maybe], np: [policy, maybe] },
      ...{ adkim: [alignment, maybe], aspf: [alignment, maybe], fo: [/^[01ds:]+$/, maybe] },
      ...{ testing: [/^[ny]$/, maybe], discovery_method: [/^treewalk$/, maybe] },
    },
    once,
  ],
  record: [
    {
      row: [
        {
          ...{ source_ip: [/^[\d.:a-f]+$/, once], count: [/^\d+$/, once] },
          policy_evaluated: [
            {
              disposition: [/^(?:none|pass|quarantine|reject)$/, once],
              ...{ dkim: [passOrFail, once], spf: [passOrFail, once] },
              reason: [
                {
                  type: [
                    /^(?:local_policy|mailing_list|other|policy_test_mode|trusted_forwarder)$/,
                    once,
                  ],
                  comment: [text, maybe],
                },
                any,
              ],
            },
            once,
          ],
        },
        once,
      ],
      identifiers: [
        {
          header_from: [text, once],
          envelope_from: [/^[^<]*$/, maybe],
          envelope_to: [text, maybe],
        },
        once,
      ],
      auth_results: [
        {
          dkim: [
            {
              ...{ domain: [text, once], selector: [text, once] },
              result: [/^(?:none|pass|fail|policy|neutral|temperror|permerror)$/, once],
              human_result: [text, maybe],
            },
            any,
          ],
          spf: [
            {
              ...{ domain: [text, once], scope: [/^mfrom$/, maybe] },
              result: [/^(?:none|pass|fail|softfail|policy|neutral|temperror|permerror)$/, once],
              human_result: [text, maybe],
            },
            maybe,
          ],
        },
        once,
      ],
    },
    /^[1-9]\d*$/,
  ],
};

/** Sequences, whose elements have an order; all others may come in any. */
const ordered = new Set(['feedback', 'record', 'policy_evaluated', 'auth_results']);

interface Element {
  readonly name: string;
  readonly children: Element[];
  text: string;
}

function tree(xml: string): Element {
  const top: Element = { name: '', children: [], text: '' };
  const open = [top];
  for (const event of xmlEvents(xml)) {
    const here = open.at(-1)!;
    if (event.kind === 'text') here.text += event.text;
    if (event.kind === 'close') open.pop();
    if (event.kind !== 'open') continue;
    const child: Element = { name: event.name, children: [], text: '' };
    here.children.push(child);
    open.push(child);
  }
  return top.children[0]!;
}

function assertLike({ name, children, text: said }: Element, rule: Rule): void {
  if (rule instanceof RegExp) {
    assert.match(said, rule, name);
    assert.equal(children.length, 0, name);
    return;
  }
  const names = Object.keys(rule);
  const places = children.map((child) => names.indexOf(child.name));
  assert.ok(!places.includes(-1), `${name}: ${children.map((child) => child.name)}`);
  if (ordered.has(name))
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
      name,
    );
  for (const [one, [, times]] of Object.entries(rule)) {
    const count = children.filter((child) => child.name === one).length;
    assert.match(String(count), times, `${one} in ${name}`);
  }
  for (const child of children) assertLike(child, rule[child.name]![0]);
}

const record = parseDmarcRecord(
  'v=DMARC1; p=reject; sp=none; t=y; adkim=s; fo=1:d; rua=mailto:a@example.org',
)!;

function rowOf(verdict: Partial<Judged['verdict']>, findings: readonly Finding[]): string {
  const client = { remote: { address: '2001:db8::1' } };
  const judged = {
    ...{ envelope: { client, sender: null }, findings },
    verdict: {
      result: 'fail',
      domain: 'a.example.org',
      policyDomain: 'example.org',
      record,
      ...verdict,
    },
  };
  return dmarcRow(judged as unknown as Judged)!.row;
}

const dkimResults = ['none', 'pass', 'fail', 'temperror', 'permerror'] as const;

const spf = (result: string): Finding => ({
  ...{ kind: 'spf', identity: 'mailfrom', result, domain: 'example.org' },
});

it('RFC 9990 App. A: a report is as its schema wants it, whatever was found', () => {
  const passed = {
    result: 'pass',
    requested: 'reject',
    policy: 'reject',
    alignedSpf: true,
  } as const;
  const rows = [
    ...['pass', 'fail', 'softfail', 'neutral', 'none', 'temperror', 'permerror'].map((result) =>
      rowOf(passed, [spf(result)]),
    ),
    ...dkimResults.map((result) =>
      rowOf({ requested: 'quarantine', policy: 'reject' }, [
        { kind: 'dkim', result, domain: 'example.org', selector: 's' },
        { kind: 'dkim', result: 'fail', domain: 'other.example', selector: 't' },
        spf('fail'),
        { kind: 'dmarc', result: 'fail', domain: 'a.example.org', disposition: 'quarantine' },
      ]),
    ),
    rowOf({ requested: 'reject', policy: 'reject' }, [
      { kind: 'dkim', result: 'none' },
      { kind: 'dmarc', result: 'fail', domain: 'a.example.org', sealer: 'list.example' },
    ]),
  ];
  const day = {
    begin: 1,
    end: 2,
    domain: 'example.org',
    rows: rows.map((row) => ({ row, count: 2 })),
  };
  const reporter = {
    organization: 'A & B',
    email: 'a@b.example',
    id: 'x@y',
    generator: 'Postrider',
  };
  const report = aggregateReport(day as never, record, reporter);
  const top = tree(formatAggregateReport({ ...report, errors: ['one', 'two'] }));
  assert.equal(top.name, 'feedback');
  assert.equal(top.children.filter(({ name }) => name === 'record').length, rows.length);
  assertLike(top, feedback);
});
