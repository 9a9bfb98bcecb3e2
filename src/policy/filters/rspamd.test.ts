import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { fc } from '../../base/test-properties.ts';
import { parseMailbox } from '../../mail/fields/address.ts';
import { findingText } from '../../mail/finding.ts';
import type { BodyInPieces, HttpRequest } from '../../net/http-request.ts';
import { HttpError } from '../../net/http-request.ts';
import { formatReply } from '../../smtp/reply.ts';
import type { Draft } from '../policy.ts';
import { arrivalOf, stranger as client } from '../test-arrival.ts';
import type { RspamdSettings } from './rspamd.ts';
import { rspamd } from './rspamd.ts';
import { parseRspamdVerdict } from './rspamd-verdict.ts';

const mailbox = (address: string) => parseMailbox(address)!;
const to = (address: string) => ({ named: mailbox(address), params: [], targets: [] });
const envelope = {
  ...{ client, sender: mailbox('eve@far.test'), params: [], findings: [], queueId: () => 'q1' },
  recipients: [to('ann@example.net'), to('bob@example.net')],
};
const content = Buffer.from('Subject: a\r\nX-Spam: No\r\nX-Spam: no\r\n\r\ntext\r\n');
const draft: Draft = {
  ...{ id: 'q1', above: 'A: 1\r\n', below: '' },
  arrival: arrivalOf(content),
};

async function asked(
  answer: object | Error | number,
  settings: Partial<RspamdSettings> = {},
  shown = draft,
) {
  const requests: HttpRequest[] = [];
  const results: string[] = [];
  const policy = rspamd({
    settings: {
      ...{ name: 'r', url: 'http://127.0.0.1:11333', password: 'pw', mail: 'all' },
      ...{ onFailure: 'tempfail', messageTimeout: 2, largest: 1000 },
      ...settings,
    },
    async request(options) {
      requests.push(options);
      if (answer instanceof Error) throw answer;
      const status = typeof answer === 'number' ? answer : 200;
      return { status, headers: new Map(), body: Buffer.from(JSON.stringify(answer)) };
    },
    reports: { log: silentLog, clock: new FakeClock(), count: (result) => results.push(result) },
    hostname: () => 'mx.example.net',
    reverseOf: async () => ({ result: 'pass', name: 'client.far.test' }),
  });
  const given = await policy.filter!(envelope, shown);
  const { objection } = given ?? {};
  return {
    ...{ requests, results, given },
    said: objection && formatReply(objection).trimEnd(),
    told: given?.findings?.map(findingText),
    junk: given?.findings?.some((one) => one.kind === 'filter' && one.junk === true),
  };
}

const verdict = (action: string, more: object = {}) => ({
  ...{ action, score: 7.256, required_score: 15 },
  symbols: {
    NOTHING: { score: 0 },
    SMALL: { score: -0.5 },
    BIG: { score: 6.1 },
  },
  ...more,
});
const why = '7.26 of 15 points; BIG 6.1; SMALL -0.5';

describe('rspamd', () => {
  it('gets the message, and what is known beside it', async () => {
    const { requests, told, results } = await asked(verdict('no action'));
    const [{ url, method, headers, body, timeoutMs }] = requests as [HttpRequest];
    assert.deepEqual(
      [String(url), method, timeoutMs],
      ['http://127.0.0.1:11333/checkv2', 'POST', 2],
    );
    assert.equal(Buffer.from(body as Uint8Array).toString(), `A: 1\r\n${content}`);
    assert.deepEqual(headers, {
      ...{ IP: '192.0.2.1', Helo: 'client.test', Hostname: 'client.far.test' },
      ...{ From: 'eve@far.test', Rcpt: 'ann@example.net,bob@example.net' },
      ...{ 'Queue-Id': 'q1', 'MTA-Name': 'mx.example.net', Password: 'pw' },
    });
    assert.deepEqual([told, results], [[`r: no action; ${why}`], ['accepted']]);
  });

  it('what is large is not read until it is sent', async () => {
    let isRead = false;
    const open = () => ({
      ...{ size: content.length, bytes: undefined },
      async *read() {
        isRead = true;
        yield content;
      },
    });
    const large = { ...draft, arrival: { ...draft.arrival, open } };
    const { requests } = await asked(verdict('no action'), {}, large);
    const { size, read } = requests[0]!.body as BodyInPieces;
    assert.deepEqual([size, isRead], [6 + content.length, false]);
    const pieces = await Array.fromAsync(read());
    assert.equal(Buffer.concat(pieces).toString(), `A: 1\r\n${content}`);
  });

  it('what it rejects is refused, in its words if it has any', async () => {
    assert.equal((await asked(verdict('reject'))).said, '550 5.7.1 The message was refused');
    const messages = { smtp_message: 'Gtube\r\npattern' };
    const { said, told, results } = await asked(verdict('reject', { messages }));
    assert.equal(said, '550 5.7.1 Gtube??pattern');
    assert.deepEqual([told, results], [[`r: refused; ${why}`], ['refused']]);
    const later = { smtp_message: '4.7.2 Try later' };
    assert.equal(
      (await asked(verdict('soft reject', { messages: later }))).said,
      '451 4.7.2 Try later',
    );
  });

  it('what it marks is junk, and marked', async () => {
    const { junk, told, given, results } = await asked(
      verdict('add header', {
        milter: {
          remove_headers: { 'X-Spam': 0 },
          add_headers: { 'X-Bar': { value: '+++', order: 0 }, 'X-Two': ['a', 'b'] },
        },
      }),
    );
    assert.deepEqual([junk, told, results], [true, [`r: add header; ${why}`], ['junk']]);
    assert.equal(given!.above, 'X-Bar: +++\r\nA: 1\r\n');
    const put = given!.splices!.map((one) => [one.start, one.end, Buffer.from(one.put).toString()]);
    assert.deepEqual(put, [[12, 36, 'X-Spam: Yes\r\nX-Two: a\r\nX-Two: b\r\n']]);
  });

  it('a subject that it rewrites', async () => {
    const { given, junk } = await asked(verdict('rewrite subject', { subject: '[SPAM] a' }));
    assert.equal(Buffer.from(given!.splices![0]!.put).toString(), 'Subject: [SPAM] a\r\n');
    assert.equal(junk, true);
  });

  it('signatures that it made are put in; what it wants held or thrown away is', async () => {
    const signed = await asked(verdict('no action', { 'dkim-signature': 'v=1; b=x' }));
    assert.match(signed.given!.above!, /^DKIM-Signature: v=1; b=x\r\n/);
    assert.equal((await asked(verdict('quarantine'))).given!.held, true);
    assert.equal((await asked(verdict('discard'))).given!.discarded, true);
  });

  it('greylisting is its own affair, and not taken for a refusal', async () => {
    assert.equal((await asked(verdict('greylist'))).said, undefined);
  });

  for (const [what, answer] of [
    ['no answer', new HttpError('timeout', 'late')],
    ['an error', 500],
    ['nonsense', {}],
    ['a list', []],
  ] as const)
    it(`${what} is decided by the settings`, async () => {
      assert.match((await asked(answer)).said!, /^451 4\.3\.0 /);
      const mild = await asked(answer, { onFailure: 'accept' });
      assert.equal(mild.said, undefined);
      assert.deepEqual(mild.results, ['failed']);
    });

  it('what is too large is not shown to it', async () => {
    const { requests, told } = await asked(verdict('reject'), { largest: 10 });
    assert.deepEqual([requests.length, told], [0, ['r: not looked at; too large']]);
  });

  it('whatever it answers is a verdict or an error, with fields that are fields', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.jsonValue(),
        fc.jsonValue(),
        fc.boolean(),
        (symbols, milter, added, isAny) => {
          const json = JSON.stringify({
            ...{ action: 'x', symbols, 'dkim-signature': added },
            milter: isAny ? milter : { add_headers: { 'X-A': added, 'a b': added } },
          });
          for (const { name } of parseRspamdVerdict(json).fields) assert.match(name, /^[!-9;-~]+$/);
        },
      ),
    );
  });
});
