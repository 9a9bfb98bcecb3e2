import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseHeader } from '../../mail/header/header.ts';
import { answeredKey, isAway, vacationAnswer, whyUnanswered } from './vacation.ts';

const ann = 'ann@example.org';
const own = new Set([ann, 'sales@example.org']);
const eve = 'eve@far.test';

const whyNot = (fields: string, sender = eve) =>
  whyUnanswered({ sender, fields: parseHeader(Buffer.from(`${fields}\r\n`)) }, own);

describe('whyUnanswered', () => {
  it('answers a person who writes to the owner', () => {
    for (const fields of [
      'To: Ann <ANN@Example.org>\r\n',
      'To: x@y.test\r\nCc: sales@example.org\r\n',
      'Resent-To: ann@example.org\r\n',
      'To: ann@example.org\r\nAuto-Submitted: no\r\nPrecedence: first-class\r\n',
      'To: ann@example.org\r\nAuto-Submitted: No (typed)\r\nListen: x\r\n',
    ])
      assert.equal(whyNot(fields), undefined, fields);
  });

  it('RFC 3834 §2, RFC 5230 §4.6: not what is automatic, bulk or by a list', () => {
    for (const field of [
      'Auto-Submitted: auto-replied',
      'Auto-Submitted: auto-notified; x=y',
      'auto-submitted: nothing',
      'List-Unsubscribe: <https://x.test>',
      'List-ID: <x.test>',
      'Precedence: Junk',
      'Precedence: list',
      'X-Auto-Response-Suppress: DR, OOF, AutoReply',
      'X-Autoreply: yes',
      'Content-Type: multipart/report; report-type=delivery-status',
    ])
      assert.notEqual(whyNot(`To: ${ann}\r\n${field}\r\n`), undefined, field);
  });

  it('RFC 3834 §2: not programs, not nobody, not oneself', () => {
    const to = `To: ${ann}\r\n`;
    for (const sender of [
      '',
      ann,
      'Sales@Example.org',
      'MAILER-DAEMON@far.test',
      'noreply@far.test',
      'no-reply@far.test',
      'Do_Not_Reply+17@far.test',
      'shop-noreply@far.test',
      'owner-dev@far.test',
      'dev-request@far.test',
      'dev-bounces+ann=example.org@far.test',
    ])
      assert.notEqual(whyNot(to, sender), undefined, sender);
    for (const sender of ['norepl@far.test', 'arno.reply@far.test', 'owner@far.test'])
      assert.equal(whyNot(to, sender), undefined, sender);
  });

  it('RFC 5230 §4.5: not where the owner is not named', () => {
    assert.equal(whyNot('To: all@far.test\r\n'), 'the account is not among its addressees');
    assert.equal(whyNot('To: "ann@example.org" <x@far.test>\r\n') === undefined, false);
  });
});

describe('isAway', () => {
  it('a day counts from its beginning to its end', () => {
    const rule = { text: 'x', days: 7, from: '2026-12-24', until: '2026-12-26' };
    const at = (time: string) => isAway(rule, Date.parse(time));
    assert.deepEqual(
      ['2026-12-23T23:59:59Z', '2026-12-24T00:00:00Z', '2026-12-26T23:59:59Z', '2026-12-27'].map(
        at,
      ),
      [false, true, true, false],
    );
    assert.equal(isAway({ text: 'x', days: 7 }, 0), true);
  });
});

describe('vacationAnswer', () => {
  it('RFC 3834 §3.1: says what it answers, and that it is automatic', () => {
    const fields = parseHeader(
      Buffer.from(
        'Subject: =?utf-8?Q?caf=C3=A9?=\r\n again\r\nMessage-ID: <b@x>\r\nReferences: <a@x>\r\n\r\n',
      ),
    );
    const answer = vacationAnswer(
      { text: 'away', days: 7 },
      { sender: eve, fields },
      { account: ann, date: 0 },
    );
    assert.equal(answer.subject, 'Auto: café again');
    const said = new Map(answer.fields);
    assert.equal(said.get('Auto-Submitted'), 'auto-replied (vacation)');
    assert.equal(said.get('In-Reply-To'), '<b@x>');
    assert.equal(said.get('References'), '<a@x> <b@x>');
  });
});

describe('answeredKey', () => {
  it('RFC 5230 §4.2: another text, or another sender, is another answer', () => {
    const rule = { text: 'x', days: 7 };
    assert.equal(answeredKey(rule, eve), answeredKey({ ...rule, days: 1 }, 'EVE@Far.test'));
    assert.notEqual(answeredKey(rule, eve), answeredKey({ ...rule, text: 'y' }, eve));
    assert.notEqual(answeredKey(rule, eve), answeredKey(rule, ann));
  });
});
