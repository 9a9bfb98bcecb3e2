// The extensions by which a sender says for whom a message is, and of which class: RRVS and NO-SOLICITING.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  advertise,
  formatMailParam,
  formatRcptParam,
  parseStoredMailParams,
  parseStoredRcptParams,
  readMailParams,
  readRcptParams,
  relayMailParam,
  relayRcptParam,
} from './index.ts';
import { strangerFacts as facts, raw, readText } from './test-params.ts';

const hop = (...keywords: string[]) => ({ offered: new Map(keywords.map((one) => [one, ''])) });

const rcpt = (value: string): string =>
  readText(readRcptParams(raw(`RRVS=${value}`), facts), formatRcptParam);
const mail = (value: string): string =>
  readText(readMailParams(raw(`SOLICIT=${value}`), facts), formatMailParam);

describe('RRVS', () => {
  for (const value of [
    '2014-04-03T23:01:00Z',
    '2014-04-03T23:01:00+02:00;C',
    '2014-04-03T23:01:00Z;R',
  ])
    it(`RFC 7293 §3.1: reads ${value}, and keeps it as it is`, () =>
      assert.equal(rcpt(value), `RRVS=${value}`));
  for (const value of [
    '',
    '2014-04-03',
    '2014-04-03T23:01:00.5Z',
    '2014-13-03T23:01:00Z',
    '2014-02-30T23:01:00Z',
    '2014-04-03T23:01:00Z;X',
  ])
    it(`RFC 7293 §3.1: refuses ${value}`, () => assert.equal(rcpt(value), '501 5.4'));

  it('RFC 7293 §5.1.1: travels; where it cannot, only mail with C goes on', () => {
    const travel = (value: string, ...keywords: string[]) => {
      const [param] = parseStoredRcptParams([`RRVS=${value}`]);
      const found = relayRcptParam(param!, hop(...keywords));
      if (found.kind === 'refuse') return `${found.reply.code} ${found.reply.detail}`;
      return found.kind === 'send' ? found.value : 'drop';
    };
    const at = '2014-04-03T23:01:00Z';
    assert.equal(travel(`${at};C`, 'RRVS'), `RRVS=${at};C`);
    assert.equal(travel(`${at};C`), 'drop');
    assert.equal(travel(`${at};R`), '550 7.19');
    assert.equal(travel(at), '550 7.19');
  });
});

describe('NO-SOLICITING', () => {
  it('RFC 3865 §2, §2.8: offered without classes, and with those the operator names', () => {
    assert.ok(advertise(facts).includes('NO-SOLICITING'));
    const noSoliciting = ['org.example:ADV', 'net.example:ADLT'];
    assert.ok(
      advertise({ ...facts, noSoliciting }).includes(
        'NO-SOLICITING org.example:ADV,net.example:ADLT',
      ),
    );
  });

  for (const value of ['org.example:ADV:ADLT', 'net.example:ADV,org.example:ADV'])
    it(`RFC 3865 §2.2: reads ${value}`, () => assert.equal(mail(value), `SOLICIT=${value}`));
  for (const value of ['', ',a', 'a,', '1a', 'a b', `a${'b'.repeat(1000)}`])
    it(`RFC 3865 §2.2: refuses ${value.slice(0, 9)}`, () => assert.equal(mail(value), '501 5.4'));

  it('RFC 3865 §2.7: is handed on where it is offered', () => {
    const [param] = parseStoredMailParams(['SOLICIT=org.example:ADV']);
    assert.deepEqual(relayMailParam(param!, hop('NO-SOLICITING')), {
      ...{ kind: 'send', value: 'SOLICIT=org.example:ADV' },
    });
    assert.deepEqual(relayMailParam(param!, hop()), { kind: 'drop' });
  });
});
