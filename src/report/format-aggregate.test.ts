import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readAggregateReport } from './aggregate.ts';
import { formatAggregateReport } from './format-aggregate.ts';

const directory = join(import.meta.dirname, '../../../shared/data/dmarc');
const skip = existsSync(directory) ? false : `${directory} is not there`;
const files = skip ? [] : readdirSync(directory).filter((name) => name.endsWith('.xml'));
const idle = async () => {};

describe('an aggregate report', () => {
  for (const file of files)
    it(`RFC 9990 §3.1.1: ${file} reads as it was written again`, async () => {
      const report = await readAggregateReport(readFileSync(join(directory, file), 'utf8'), idle);
      assert.deepEqual(await readAggregateReport(formatAggregateReport(report), idle), report);
    });

  it('XML 1.0 §2.2, §2.4: whatever others write into it, it stays XML', async () => {
    const signature = { domain: '<a>&"\'', selector: '\u0000\u001b\ud800]]>', result: 'fail' };
    const text = formatAggregateReport({
      ...{ version: '1.0', organization: 'A & B', email: 'a@b.example', contact: undefined },
      ...{ id: 'x', begin: 1, end: 2, errors: ['<'], generator: undefined, recordsLeftOut: 0 },
      policy: {
        ...{ domain: 'example.org', p: 'none', sp: undefined, np: undefined, adkim: undefined },
        ...{ aspf: undefined, fo: '1:d', testing: undefined, discovery: 'treewalk' },
      },
      records: [
        {
          ...{ sourceIp: '192.0.2.1', count: 1, disposition: 'none', dkim: 'fail', spf: 'fail' },
          ...{ reasons: [{ type: 'other', comment: 'a<b' }], headerFrom: '</record>' },
          ...{ envelopeFrom: '', envelopeTo: undefined, signatures: [signature], senders: [] },
        },
      ],
    });
    const read = await readAggregateReport(text, idle);
    assert.equal(read.organization, 'A & B');
    assert.equal(read.records[0]!.headerFrom, '</record>');
    assert.equal(read.records[0]!.envelopeFrom, '');
    const { domain, selector } = read.records[0]!.signatures[0]!;
    assert.deepEqual([domain, selector], ['<a>&"\'', '??\ufffd]]>']);
  });
});
