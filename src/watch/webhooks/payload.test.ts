import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MessageNews } from '../message-news.ts';
import { bodyBytesMax, bodyOf, fits } from './payload.ts';
import { signedFields, webhookKey } from './signature.ts';

const at = '2026-01-01T00:00:00.000Z';
const news = (more: object): MessageNews => ({ at, event: 'message.received', id: 'q1', ...more });

describe('what a webhook is told', () => {
  it('is at most 64 KiB, of which what is larger says so', () => {
    const around = bodyOf(news({ reply: '' })).length;
    const whole = bodyOf(news({ reply: 'x'.repeat(bodyBytesMax - around) }));
    assert.equal(whole.length, bodyBytesMax);
    assert.equal(JSON.parse(whole).data.id, 'q1');
    // In octets: each of these is two.
    for (const reply of ['x'.repeat(bodyBytesMax - around + 1), 'é'.repeat(bodyBytesMax / 2)])
      assert.deepEqual(JSON.parse(bodyOf(news({ reply }))), {
        ...{ type: 'message.received', timestamp: at, data: { id: 'q1', truncated: true } },
      });
  });

  it('is what all of its filter holds for', async () => {
    const [one, several] = [
      news({ recipient: 'bob@example.net' }),
      news({ recipients: ['eve@far.test', 'bob@example.net', 7] }),
    ];
    const bySender = async () => 'ann@example.org';
    for (const [filter, given, expected] of [
      [{}, one, true],
      [{ recipient: 'bob@*' }, one, true],
      [{ recipient: 'bob@*' }, several, true],
      [{ recipient: 'eve@*' }, one, false],
      [{ recipient: 'ann@*' }, several, false],
      [{ recipient: '*' }, news({}), false],
      [{ sender: 'ann@*' }, one, true],
      [{ sender: 'bob@*' }, one, false],
      [{ sender: 'ann@*', recipient: 'eve@*' }, one, false],
      [{ sender: 'eve@*', recipient: 'bob@*' }, one, false],
      [{ domain: 'far.test' }, several, true],
      [{ domain: 'example.org' }, one, true],
      [{ domain: 'elsewhere.test' }, several, false],
    ] as const)
      assert.equal(await fits(filter, given, bySender), expected, JSON.stringify([filter, given]));
    assert.equal(await fits({ sender: 'ann@*' }, one, async () => undefined), false);
  });
});

describe('a key of a webhook', () => {
  it('has 24 to 64 octets, in base64 and nothing else', () => {
    const base64 = (octets: number) => Buffer.alloc(octets, 7).toString('base64');
    for (const octets of [24, 64])
      for (const prefix of ['', 'whsec_', ' whsec_'])
        assert.equal(webhookKey(prefix + base64(octets))?.length, octets);
    for (const octets of [0, 23, 65]) assert.equal(webhookKey(base64(octets)), undefined);
    assert.equal(webhookKey(`whsec_${base64(24)}!`), undefined);
    assert.equal(webhookKey(`${base64(24)} ${base64(24)}`), undefined);
  });

  it('signs the id and the second, too', () => {
    const key = webhookKey(`whsec_${'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'}`)!;
    // The example of Standard Webhooks.
    const given = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', at: 1_614_265_330_999 };
    const fields = signedFields(key, { ...given, body: '{"test": 2432232314}' });
    assert.deepEqual(fields, {
      'webhook-id': given.id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });
});
