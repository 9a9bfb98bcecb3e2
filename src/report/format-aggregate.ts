// A DMARC aggregate report, written: the XML of RFC 9990 §3.1.1, elements in the order of its schema (App. A).

import type { AggregateRecord, AggregateReport, AuthResult } from './aggregate.ts';

/** What is not there is left out. */
export function formatAggregateReport(report: AggregateReport): string {
  const { policy } = report;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    // RFC 9990 §3.1.1.1
    '<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">',
    ...element('version', report.version),
    '<report_metadata>',
    ...element('org_name', report.organization),
    ...element('email', report.email),
    ...element('extra_contact_info', report.contact),
    ...element('report_id', report.id),
    `<date_range><begin>${report.begin}</begin><end>${report.end}</end></date_range>`,
    ...report.errors.slice(0, 1).flatMap((error) => element('error', error)),
    ...element('generator', report.generator),
    '</report_metadata>',
    '<policy_published>',
    ...element('domain', policy.domain),
    ...element('p', policy.p),
    ...element('sp', policy.sp),
    ...element('np', policy.np),
    ...element('adkim', policy.adkim),
    ...element('aspf', policy.aspf),
    ...element('discovery_method', policy.discovery),
    ...element('fo', policy.fo),
    ...element('testing', policy.testing),
    '</policy_published>',
    ...report.records.flatMap(recordLines),
    '</feedback>',
    '',
  ].join('\n');
}

const recordLines = (record: AggregateRecord): readonly string[] => [
  '<record>',
  '<row>',
  ...element('source_ip', record.sourceIp),
  ...element('count', String(record.count)),
  '<policy_evaluated>',
  ...element('disposition', record.disposition),
  ...element('dkim', record.dkim),
  ...element('spf', record.spf),
  ...record.reasons.flatMap(({ type, comment }) => [
    ...['<reason>', ...element('type', type), ...element('comment', comment), '</reason>'],
  ]),
  '</policy_evaluated>',
  '</row>',
  '<identifiers>',
  ...element('header_from', record.headerFrom),
  ...element('envelope_from', record.envelopeFrom),
  ...element('envelope_to', record.envelopeTo),
  '</identifiers>',
  '<auth_results>',
  ...record.signatures.flatMap((result) => resultLines('dkim', result)),
  ...record.senders.flatMap((result) => resultLines('spf', result)),
  '</auth_results>',
  '</record>',
];

const resultLines = (name: 'dkim' | 'spf', result: AuthResult): readonly string[] => [
  `<${name}>`,
  ...element('domain', result.domain),
  ...element('selector', result.selector),
  ...element('scope', result.scope),
  ...element('result', result.result),
  ...element('human_result', result.human),
  `</${name}>`,
];

const element = (name: string, text: string | undefined): readonly string[] =>
  text === undefined ? [] : [`<${name}>${escaped(text)}</${name}>`];

const entities: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;' };

/** XML 1.0 §2.2: other control characters and halves of pairs cannot even be escaped. */
const escaped = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '?')
    .replace(/[<>&]/g, (character) => entities[character]!);
