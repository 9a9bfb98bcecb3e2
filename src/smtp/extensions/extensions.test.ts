import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../base/test-properties.ts';
import { defaultLimits } from '../limits.ts';
import type { MailParam, RcptParam, SessionFacts } from './index.ts';
import {
  advertise,
  extensions,
  findParam,
  formatMailParam,
  formatRcptParam,
  parseStoredMailParams,
  parseStoredRcptParams,
  readMailParams,
  readRcptParams,
  relayMailParam,
  relayRcptParam,
} from './index.ts';
import { raw } from './test-params.ts';
import { parseToldClient } from './xclient.ts';
import { decodeUnitext, decodeXtext, encodeUnitext, encodeXtext } from './xtext.ts';

const facts: SessionFacts = {
  protocol: 'smtp',
  secure: true,
  startTls: true,
  mechanisms: ['PLAIN'],
  trusted: true,
  limits: defaultLimits,
};

function mail(text: string, given = facts): MailParam | string {
  const read = readMailParams(raw(text), given);
  return read.kind === 'refuse' ? `${read.reply.code} ${read.reply.detail}` : read.params[0]!;
}
function rcpt(text: string): RcptParam | string {
  const read = readRcptParams(raw(text), facts);
  return read.kind === 'refuse' ? `${read.reply.code} ${read.reply.detail}` : read.params[0]!;
}

describe('smtp/extensions: offers', () => {
  it('RFC 5321 §4.1.1.1: one line for each keyword, in the order of the list', () => {
    const offered = advertise({
      ...{ ...facts, secure: false, xclient: true, atrn: true, mtrk: true },
      ...{ conperm: true, conneg: true },
    });
    const keywords: readonly string[] = extensions.map(({ keyword }) => keyword);
    assert.deepEqual(
      offered.map((line) => line.split(' ')[0]),
      keywords.filter((keyword) => !['REQUIRETLS', 'FUTURERELEASE', 'BURL'].includes(keyword)),
    );
    assert.ok(offered.includes('SIZE 52428800'));
    assert.ok(offered.includes('AUTH PLAIN'));
    assert.ok(offered.includes('LIMITS RCPTMAX=1000'));
  });

  it('RFC 3207 §4.2, RFC 4954 §3, RFC 1985 §3: STARTTLS, AUTH and ETRN only where they make sense', () => {
    const lines = (more: Partial<SessionFacts>) => advertise({ ...facts, ...more }).join('\n');
    assert.doesNotMatch(lines({ secure: true }), /STARTTLS/);
    assert.doesNotMatch(lines({ secure: false, startTls: false }), /STARTTLS/);
    assert.doesNotMatch(lines({ mechanisms: [] }), /AUTH/);
    assert.doesNotMatch(lines({ protocol: 'submission' }), /ETRN/);
  });

  it('RFC 8689 §2: REQUIRETLS only over TLS', () => {
    for (const protocol of ['smtp', 'submission', 'lmtp'] as const)
      for (const secure of [true, false])
        assert.equal(advertise({ ...facts, protocol, secure }).includes('REQUIRETLS'), secure);
    const plain = { ...facts, secure: false };
    assert.deepEqual(mail('REQUIRETLS'), { name: 'REQUIRETLS' });
    assert.equal(mail('REQUIRETLS', plain), '555 5.4');
    assert.equal(mail('REQUIRETLS=yes'), '501 5.4');
  });

  it('RFC 3030 §3, RFC 6531 §3.1: BINARYMIME needs CHUNKING, SMTPUTF8 needs 8BITMIME', () => {
    assert.ok(!advertise({ ...facts, withheld: new Set(['CHUNKING']) }).includes('BINARYMIME'));
    assert.ok(!advertise({ ...facts, withheld: new Set(['8BITMIME']) }).includes('SMTPUTF8'));
  });
});

describe('smtp/extensions: parameters', () => {
  const good: readonly (readonly [string, MailParam])[] = [
    ['SIZE=0', { name: 'SIZE', bytes: 0 }],
    ['SIZE=52428800', { name: 'SIZE', bytes: 52428800 }],
    ['BODY=7bit', { name: 'BODY', body: '7BIT' }],
    ['BODY=8BITMIME', { name: 'BODY', body: '8BITMIME' }],
    ['BODY=BinaryMime', { name: 'BODY', body: 'BINARYMIME' }],
    ['SMTPUTF8', { name: 'SMTPUTF8' }],
    ['RET=full', { name: 'RET', ret: 'FULL' }],
    ['RET=HDRS', { name: 'RET', ret: 'HDRS' }],
    ['ENVID=QQ314159', { name: 'ENVID', id: 'QQ314159' }],
    ['ENVID=a+3Db+2B+20c', { name: 'ENVID', id: 'a=b+ c' }],
    ['AUTH=<>', { name: 'AUTH', submitter: '' }],
    ['AUTH=e+3Dmc2@example.com', { name: 'AUTH', submitter: 'e=mc2@example.com' }],
  ];
  for (const [text, param] of good)
    it(`RFC 5321 §4.1.1.11: reads ${text}`, () => {
      assert.deepEqual(mail(text), param);
      assert.deepEqual(parseStoredMailParams([formatMailParam(param)]), [param]);
    });

  const goodRcpt: readonly (readonly [string, RcptParam])[] = [
    ['NOTIFY=NEVER', { name: 'NOTIFY', conditions: [] }],
    ['NOTIFY=success,Delay', { name: 'NOTIFY', conditions: ['SUCCESS', 'DELAY'] }],
    ['NOTIFY=FAILURE,FAILURE', { name: 'NOTIFY', conditions: ['FAILURE'] }],
    [
      'ORCPT=rfc822;Bob+2Bx@Example.org',
      { name: 'ORCPT', type: 'rfc822', address: 'Bob+x@Example.org' },
    ],
    ['ORCPT=rfc822;', { name: 'ORCPT', type: 'rfc822', address: '' }],
    ['ORCPT=utf-8;j\\x{F6}rg@x', { name: 'ORCPT', type: 'utf-8', address: 'jörg@x' }],
    [
      'ORCPT=UTF-8;jörg@bücher.example',
      { name: 'ORCPT', type: 'utf-8', address: 'jörg@bücher.example' },
    ],
    ['ORCPT=utf-8;\\x{1F600}\\x{2B}@x', { name: 'ORCPT', type: 'utf-8', address: '😀+@x' }],
  ];
  for (const [text, param] of goodRcpt)
    it(`RFC 3461 §4, RFC 6533 §3: reads ${text}`, () => {
      assert.deepEqual(rcpt(text), param);
      assert.deepEqual(parseStoredRcptParams([formatRcptParam(param)]), [param]);
    });

  const bad: readonly (readonly [string, string])[] = [
    ['SIZE', '501 5.4'],
    ['SIZE=-1', '501 5.4'],
    ['SIZE=1e3', '501 5.4'],
    ['SIZE=52428801', '552 3.4'],
    ['SIZE=99999999999999999999', '552 3.4'],
    ['BODY', '501 5.4'],
    ['BODY=9BIT', '501 5.4'],
    ['SMTPUTF8=YES', '501 5.4'],
    ['RET=ALL', '501 5.4'],
    ['ENVID', '501 5.4'],
    ['ENVID=+3', '501 5.4'],
    ['ENVID=+0D+0A', '501 5.4'],
    [`ENVID=${'x'.repeat(101)}`, '501 5.4'],
    ['AUTH=nobody', '501 5.4'],
    ['NOTIFY=NEVER', '555 5.4'],
    ['__proto__=1', '555 5.4'],
  ];
  for (const [text, refusal] of bad)
    it(`RFC 5321 §4.1.1.11: answers ${text.slice(0, 40)} on MAIL with ${refusal}`, () =>
      assert.equal(mail(text), refusal));

  const badRcpt: readonly (readonly [string, string])[] = [
    ['NOTIFY', '501 5.4'],
    ['NOTIFY=', '501 5.4'],
    ['NOTIFY=NEVER,SUCCESS', '501 5.4'],
    ['NOTIFY=SUCCESS,', '501 5.4'],
    ['ORCPT=bob@example.org', '501 5.4'],
    ['ORCPT=;bob', '501 5.4'],
    ['ORCPT=rfc822;jörg', '501 5.4'],
    ['ORCPT=rfc822;a+0Ab', '501 5.4'],
    ['ORCPT=utf-8;a\\x{0A}b', '501 5.4'],
    ['ORCPT=utf-8;a\\x{D800}b', '501 5.4'],
    ['ORCPT=utf-8;a\\x{110000}b', '501 5.4'],
    ['ORCPT=utf-8;a\\b', '501 5.4'],
    [`ORCPT=rfc822;${'x'.repeat(500)}`, '501 5.4'],
    ['SIZE=5', '555 5.4'],
  ];
  for (const [text, refusal] of badRcpt)
    it(`RFC 3461 §4: answers ${text.slice(0, 40)} on RCPT with ${refusal}`, () =>
      assert.equal(rcpt(text), refusal));

  it('RFC 3461 §4.5: a parameter given twice is 501', () => {
    const read = readMailParams(raw('RET=FULL', 'RET=HDRS'), facts);
    assert.ok(read.kind === 'refuse' && read.reply.code === 501);
  });

  it('knows no parameter of an extension that is not offered', () => {
    assert.equal(mail('BODY=8BITMIME', { ...facts, withheld: new Set(['8BITMIME']) }), '555 5.4');
    assert.equal(mail('BODY=BINARYMIME', { ...facts, withheld: new Set(['CHUNKING']) }), '555 5.4');
    assert.equal(mail('AUTH=<>', { ...facts, mechanisms: [] }), '555 5.4');
  });

  it('leaves out what a newer version stored', () => {
    assert.deepEqual(parseStoredMailParams(['FUTURE=1', 'RET=HDRS', 'SIZE=x']), [
      { name: 'RET', ret: 'HDRS' },
    ]);
    assert.equal(
      findParam(parseStoredRcptParams(['NOTIFY=DELAY']), 'NOTIFY')?.conditions[0],
      'DELAY',
    );
  });
});

describe('smtp/extensions: travel', () => {
  const to = (...keywords: string[]) => ({ offered: new Map(keywords.map((k) => [k, ''])) });
  const travels = (text: string, ...keywords: string[]): string => {
    const [param] = parseStoredMailParams([text]);
    const travel = relayMailParam(param!, to(...keywords));
    return travel.kind === 'send' ? travel.value : travel.kind;
  };

  it('RFC 1870 §6.1: SIZE is declared anew by the client', () =>
    assert.equal(travels('SIZE=5', 'SIZE'), 'drop'));

  it('RFC 6531 §3.2: SMTPUTF8 refuses a hop without it with 553 5.6.7', () => {
    assert.equal(travels('SMTPUTF8', 'SMTPUTF8'), 'SMTPUTF8');
    const travel = relayMailParam({ name: 'SMTPUTF8' }, to('8BITMIME'));
    assert.ok(travel.kind === 'refuse');
    assert.deepEqual([travel.reply.code, travel.reply.detail], [553, '6.7']);
  });

  it('RFC 6152 §3, RFC 3030 §3: BODY goes where its content may go', () => {
    assert.equal(travels('BODY=8BITMIME', '8BITMIME'), 'BODY=8BITMIME');
    assert.equal(travels('BODY=8BITMIME'), 'drop');
    assert.equal(travels('BODY=BINARYMIME', 'BINARYMIME', 'CHUNKING'), 'BODY=BINARYMIME');
    assert.equal(travels('BODY=BINARYMIME', '8BITMIME'), 'drop');
  });

  it('RFC 3461 §5.2: DSN parameters go on where DSN is offered', () => {
    assert.equal(travels('ENVID=a+3Db', 'DSN'), 'ENVID=a+3Db');
    assert.equal(travels('RET=HDRS'), 'drop');
    const [orcpt] = parseStoredRcptParams(['ORCPT=utf-8;j\\x{F6}rg@x']);
    assert.deepEqual(relayRcptParam(orcpt!, to('DSN')), {
      kind: 'send',
      value: 'ORCPT=utf-8;j\\x{F6}rg@x',
    });
  });

  it('RFC 8689 §4.2.1: REQUIRETLS goes on where it is offered', () => {
    assert.equal(travels('REQUIRETLS', 'REQUIRETLS'), 'REQUIRETLS');
    assert.equal(travels('REQUIRETLS'), 'drop');
  });

  it('RFC 4954 §5: AUTH= goes on where AUTH is offered', () => {
    assert.equal(travels('AUTH=<>', 'AUTH'), 'AUTH=<>');
    assert.equal(travels('AUTH=<>'), 'drop');
  });
});

describe('smtp/extensions: XCLIENT', () => {
  for (const [text, told] of [
    ['ADDR=192.0.2.1 PORT=4000', { address: '192.0.2.1', port: 4000 }],
    ['addr=IPV6:2001:DB8::1 proto=esmtp', { address: '2001:db8::1', extended: true }],
    ['ADDR=IPV6:::ffff:192.0.2.1', { address: '192.0.2.1' }],
    ['ADDR=2001:db8::1', { address: '2001:db8::1' }],
    ['NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE]', { name: null, address: null }],
    ['NAME=[TEMPUNAVAIL]  HELO=a+20b', { name: null, hello: 'a b' }],
    [
      'LOGIN=ann+40example.org DESTADDR=192.0.2.9',
      { login: 'ann@example.org', localAddress: '192.0.2.9' },
    ],
    ['DESTPORT=25 PROTO=SMTP', { localPort: 25, extended: false }],
    ...['', 'ADDR', 'ADDR=', '=1', 'ADDR=a', 'ADDR=fe80::1%25lo', 'PORT=65536', 'PORT=1x'].map(
      (bad) => [bad, undefined] as const,
    ),
    ['PROTO=constructor', undefined],
    ['PROTO=[UNAVAILABLE]', undefined],
    ['CONSTRUCTOR=1', undefined],
    ['PORT=1 PORT=2', undefined],
    ['NAME=a+0A', undefined],
    [`NAME=${'x'.repeat(256)}`, undefined],
  ] as const)
    it(`"${text.slice(0, 40)}" ${told === undefined ? 'makes no sense' : 'is understood'}`, () =>
      assert.deepEqual(parseToldClient(text), told));
});

describe('smtp/extensions: xtext', () => {
  it('RFC 3461 §4: printable text comes back', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), (text) =>
        assert.equal(decodeXtext(encodeXtext(text)), text),
      ),
    ));

  it('RFC 6533 §3: any text without controls comes back, in ASCII only', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
        const encoded = encodeUnitext(text);
        assert.match(encoded, /^[!-~]+$/);
        assert.equal(decodeUnitext(encoded), text);
      }),
    ));
});
