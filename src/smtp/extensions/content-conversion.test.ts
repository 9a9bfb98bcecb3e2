// CONPERM and CONNEG, where nothing is converted.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatReply } from '../reply.ts';
import { capableRecipient } from './conneg.ts';
import type { ParamsRead, SessionFacts } from './index.ts';
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

const both = { ...facts, conperm: true, conneg: true };
const refusal = (read: ParamsRead<unknown>) => readText(read, () => 'taken');

describe('CONPERM and CONNEG', () => {
  it('RFC 4141 §4.1, §5.1: are offered where there is somebody to heed them, and not else', () => {
    assert.ok(!advertise(facts).some((line) => line.startsWith('CON')));
    assert.deepEqual(
      advertise(both).filter((line) => line.startsWith('CON')),
      ['CONPERM', 'CONNEG'],
    );
  });

  it('RFC 4141 §4.2, §5.2: without an offer it is 504; with a value bad syntax', () => {
    const mail = (value: string, given: SessionFacts) =>
      refusal(readMailParams(raw(`CONPERM=${value}`), given));
    const rcpt = (value: string, given: SessionFacts) =>
      refusal(readRcptParams(raw(`CONNEG=${value}`), given));
    for (const read of [mail, rcpt]) {
      assert.equal(read('', both), 'taken');
      assert.equal(read('', facts), '504 5.4');
      assert.equal(read('yes', both), '501 5.4');
    }
  });

  it('RFC 4141 §4.2: the permission goes to hops that offer it, and the message to no other; LMTP is the end', () => {
    const [param] = parseStoredMailParams(['CONPERM']);
    assert.equal(formatMailParam(param!), 'CONPERM');
    const offered = (...keywords: string[]) => new Map(keywords.map((one) => [one, '']));
    assert.deepEqual(relayMailParam(param!, { offered: offered('CONPERM') }), {
      ...{ kind: 'send', value: 'CONPERM' },
    });
    const travel = relayMailParam(param!, { offered: offered('CONNEG') });
    assert.ok(travel.kind === 'refuse');
    assert.equal(`${travel.reply.code} ${travel.reply.detail}`, '554 6.3');
    assert.deepEqual(relayMailParam(param!, { offered: offered(), delivers: true }), {
      kind: 'drop',
    });
  });

  it('RFC 4141 §5: the question goes no further than to us', () => {
    const [param] = parseStoredRcptParams(['CONNEG']);
    assert.equal(formatRcptParam(param!), 'CONNEG');
    assert.deepEqual(relayRcptParam(param!, { offered: new Map([['CONNEG', '']]) }), {
      kind: 'drop',
    });
  });

  it('RFC 4141 §5.2: the reply says something else first, and then what the device can show', () => {
    assert.equal(
      formatReply(capableRecipient('(color=binary)')),
      '250-2.1.5 Recipient OK\r\n250 2.1.5 CONNEG (color=binary)\r\n',
    );
  });

  it('RFC 5321 §4.5.3.1.5: a long expression is torn into lines, and is whole when they are put together', () => {
    const whole = `(& ${'(dpi=[100,200,300]) '.repeat(80)}(a="${'x'.repeat(700)}"))`;
    const lines = formatReply(capableRecipient(whole)).split('\r\n').slice(1, -1);
    assert.ok(lines.length > 3);
    for (const line of lines) assert.ok(line.length <= 510, line);
    assert.equal(lines.map((line) => line.replace(/^250.2\.1\.5 CONNEG /, '')).join(''), whole);
  });
});
