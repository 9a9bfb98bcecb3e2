// Reports as others send them: ../shared/data/{dmarc,tlsrpt,arf}, each with what is in it as JSON.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { AggregateReport } from './aggregate.ts';
import { readAggregateReport } from './aggregate.ts';
import type { Feedback } from './feedback.ts';
import { findReport, looksLikeReport } from './find-report.ts';
import { readTlsReport } from './tls-report.ts';

const directory = join(import.meta.dirname, '../../../shared/data');
const skip = existsSync(directory) ? false : `${directory} is not there`;
const idle = async () => {};

const files = (folder: string, end: string) =>
  skip ? [] : readdirSync(join(directory, folder)).filter((name) => name.endsWith(end));
const read = (folder: string, file: string) => readFileSync(join(directory, folder, file));
const jsonOf = (folder: string, file: string) =>
  JSON.parse(read(folder, file.replace(/\.[a-z]+$/, '.json')).toString('utf8'));

// biome-ignore lint/suspicious/noExplicitAny: the JSON of another program
type Json = any;

/** As the other program names what it read. */
const words: Readonly<Record<string, string | undefined>> = {
  ...{ r: 'Relaxed', s: 'Strict', mfrom: 'MailFrom', helo: 'Helo', treewalk: 'Treewalk' },
  trusted_forwarder: 'TrustedForwarder',
  // Of RFC 7489: to a program of today one of the others.
  sampled_out: 'Other',
};
const word = (text: string | undefined): string =>
  text ? (words[text] ?? `${text[0]!.toUpperCase()}${text.slice(1)}`) : 'Unspecified';

function assertAggregate(report: AggregateReport, json: Json): void {
  const { policy } = report;
  const metadata = {
    org_name: report.organization,
    email: report.email,
    extra_contact_info: report.contact ?? null,
    report_id: report.id,
    date_range: { begin: report.begin, end: report.end },
    error: report.errors,
    ...('generator' in json.report_metadata && { generator: report.generator ?? null }),
  };
  assert.deepEqual(metadata, json.report_metadata);
  assert.equal(Number(report.version ?? 0), json.version);
  const published = json.policy_published;
  assert.equal(policy.domain, published.domain);
  for (const key of ['p', 'sp', 'adkim', 'aspf'] as const)
    assert.equal(word(policy[key]), published[key], key);
  if ('np' in published) assert.equal(word(policy.np), published.np);
  if ('discovery_method' in published)
    assert.equal(word(policy.discovery), published.discovery_method);
  assert.equal(policy.fo ?? null, published.fo);
  assert.equal(policy.testing === 'y', published.testing);
  assert.deepEqual(report.records.map(recordJson), json.record.map(comparable));
}

function recordJson(record: AggregateReport['records'][number]): Json {
  return {
    row: {
      source_ip: record.sourceIp,
      count: record.count,
      policy_evaluated: {
        disposition: word(record.disposition),
        dkim: word(record.dkim),
        spf: word(record.spf),
        reason: record.reasons.map(({ type, comment = null }) => ({ type_: word(type), comment })),
      },
    },
    identifiers: {
      envelope_to: record.envelopeTo ?? null,
      envelope_from: record.envelopeFrom ?? '',
      header_from: record.headerFrom,
    },
    auth_results: {
      dkim: record.signatures.map(({ domain, selector = '', result, human = null }) => ({
        ...{ domain, selector, result: word(result), human_result: human },
      })),
      spf: record.senders.map(({ domain, scope, result, human = null }) => ({
        ...{ domain, scope: word(scope), result: word(result), human_result: human },
      })),
    },
  };
}

const comparable = ({ extensions: _, ...record }: Json): Json => record;

describe('the reports of others', { skip }, () => {
  for (const file of files('dmarc', '.xml'))
    it(`RFC 9990 §3.1: dmarc/${file}`, async () => {
      const report = await readAggregateReport(read('dmarc', file).toString('utf8'), idle);
      assertAggregate(report, jsonOf('dmarc', file));
    });

  for (const file of files('dmarc', '.eml'))
    it(`RFC 9990 §3.5.2: dmarc/${file}`, async () => {
      const message = read('dmarc', file);
      assert.ok(looksLikeReport(message));
      const found = await findReport(message, idle);
      assert.equal(found?.kind, 'dmarc');
      assertAggregate(found.report, jsonOf('dmarc', file));
    });

  for (const file of files('tlsrpt', '.eml'))
    it(`RFC 8460 §5.3: tlsrpt/${file}`, async () => {
      const message = read('tlsrpt', file);
      assert.ok(looksLikeReport(message));
      const found = await findReport(message, idle);
      assert.deepEqual(found, {
        kind: 'tls',
        report: readTlsReport(read('tlsrpt', file.replace('eml', 'json')).toString('utf8')),
      });
    });

  for (const file of files('arf', '.eml'))
    it(`RFC 5965 §3: arf/${file}`, async () => {
      const message = read('arf', file);
      assert.ok(looksLikeReport(message));
      const found = await findReport(message, idle);
      assert.equal(found?.kind, 'abuse');
      assertFeedback(found.report, jsonOf('arf', file));
    });
});

function assertFeedback(report: Feedback, json: Json): void {
  const camel = (text: string | undefined) =>
    text === undefined
      ? 'Unspecified'
      : text.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const bare = (text: string | null) => text?.replace(/\s+/g, ' ') ?? undefined;
  assert.equal(camel(report.type), json.feedback_type);
  assert.equal(report.arrival, json.arrival_date === null ? undefined : json.arrival_date * 1000);
  assert.deepEqual(report.authentication, json.authentication_results.map(bare));
  assert.equal(report.incidents, json.incidents);
  assert.equal(report.envelopeId, bare(json.original_envelope_id));
  assert.equal(report.mailFrom, bare(json.original_mail_from));
  assert.deepEqual(report.domains, json.reported_domain);
  assert.deepEqual(report.uris, json.reported_uri);
  assert.equal(report.reportingMta, bare(json.reporting_mta));
  assert.equal(report.sourceIp, bare(json.source_ip));
  assert.equal(report.userAgent, bare(json.user_agent));
  assert.equal(report.dkimDomain, bare(json.dkim_domain));
  assert.equal(report.dkimIdentity, bare(json.dkim_identity));
  assert.equal(report.dkimSelector, bare(json.dkim_selector));
  if (report.authFailure !== 'bodyhash') assert.equal(camel(report.authFailure), json.auth_failure);
}

const xml = (records = '', { head = '<?xml version="1.0"?>', domain = 'example.org' } = {}) =>
  `${head}<feedback><report_metadata><org_name>Réseau</org_name><report_id>1</report_id></report_metadata>` +
  `<policy_published><domain>${domain}</domain></policy_published>${records}</feedback>`;

const mail = (type: string, body: Uint8Array, fields = '') =>
  Buffer.from(
    `Subject: x\r\n${fields}Content-Type: ${type}\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(body).toString('base64')}\r\n`,
  );

describe('a report in a message', () => {
  it('other mail is told by its header', () => {
    for (const head of [
      'Subject: Quarterly report\r\n\r\n',
      'Content-Type: multipart/report; report-type=delivery-status\r\n\r\n',
      'Content-Type: application/zip; name="photos.zip"\r\n\r\n',
      '',
    ])
      assert.equal(looksLikeReport(Buffer.from(head)), false, head);
  });

  it('is read by what is in it, whatever its label', async () => {
    const packed = gzipSync(xml());
    for (const type of ['application/zip', 'application/octet-stream', 'application/x-gzip']) {
      const found = await findReport(mail(type, packed), idle);
      assert.equal(found?.kind, 'dmarc');
    }
    assert.equal(await findReport(mail('text/plain', packed), idle), undefined);
    assert.equal(await findReport(mail('application/pdf', Buffer.from('%PDF')), idle), undefined);
  });

  it('XML 1.0 §4.3.3: is read in the charset that it says, or in what it plainly is', async () => {
    const organization = async (bytes: Uint8Array) => {
      const found = await findReport(mail('text/xml', bytes), idle);
      return found?.kind === 'dmarc' ? found.report.organization : undefined;
    };
    const latin1 = '<?xml version="1.0" encoding="ISO-8859-1"?>';
    assert.equal(await organization(Buffer.from(xml('', { head: latin1 }), 'latin1')), 'Réseau');
    assert.equal(await organization(Buffer.from(xml('', { head: latin1 }))), 'Réseau');
    assert.equal(await organization(Buffer.from(`\ufeff${xml()}`)), 'Réseau');
    assert.equal(await organization(Buffer.from(`\ufeff${xml()}`, 'utf16le')), 'Réseau');
    // Said to be UTF-8, and not.
    assert.match((await organization(Buffer.from(xml(), 'latin1')))!, /^R.*seau$/);
  });

  it('keeps so many records, counts the others, and lets others have their turn', async () => {
    const record = '<record><row><source_ip>192.0.2.1</source_ip><count>1</count></row></record>';
    let turns = 0;
    const report = await readAggregateReport(xml(record.repeat(25_000)), async () => {
      turns += 1;
    });
    assert.equal(report.records.length, 20_000);
    assert.equal(report.recordsLeftOut, 5_000);
    assert.ok(turns > 10);
  });

  it('a bomb costs its limit: it is refused', async () => {
    const bomb = gzipSync(Buffer.alloc(100 * 2 ** 20, '<a>'), { level: 9 });
    await assert.rejects(findReport(mail('application/gzip', bomb), idle), /larger than 32 MiB/);
  });

  it('one that is cut off, or no XML, says so', async () => {
    const packed = gzipSync(xml('<record/>'.repeat(1000)));
    const cases: readonly (readonly [Uint8Array, RegExp])[] = [
      [packed.subarray(0, packed.length / 2), /damaged: unexpected end of file/],
      [Buffer.from('PK\x03\x04 and nothing'), /cut off/],
      [Buffer.from('<feedback><a></b></feedback>'), /cannot be read: an end of another element/],
      [Buffer.from('<html></html>'), /the document is html/],
      [Buffer.from('<feedback></feedback>'), /names no domain/],
      [Buffer.from('{"a":'), /JSON cannot be read/],
      [Buffer.from('{"__proto__": {"policies": [1]}}'), /has no policies/],
    ];
    for (const [bytes, expected] of cases)
      await assert.rejects(findReport(mail('application/gzip', bytes), idle), expected);
  });
});
