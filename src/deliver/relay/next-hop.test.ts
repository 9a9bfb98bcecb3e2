// What goes with a message to a hop that its author's envelope did not say. More of the walk is in relay.test.ts.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCapabilities } from '../../smtp/client/capabilities.ts';
import { reply } from '../../smtp/reply.ts';
import { memoryContent } from '../../store/content.ts';
import { fitToHop } from './next-hop.ts';

const to = { address: 'fax@far.example', params: ['CONNEG', 'NOTIFY=FAILURE'] };

async function fit(params: readonly string[], ...keywords: string[]) {
  const capabilities = parseCapabilities(reply(250, undefined, 'far.example', ...keywords), true);
  const content = memoryContent(Buffer.from('Subject: x\r\n\r\nx\r\n'));
  const message = { sender: 'ann@x.example', prefix: '', received: 0, params, content };
  const found = await fitToHop(message, [to], { capabilities, delivers: false, now: 0 }, []);
  return found.kind === 'refuse'
    ? `${found.reply.code} ${found.reply.detail}`
    : [...found.envelope.params, ...found.recipient(to).params].join(' ');
}

describe('deliver/next-hop: CONPERM and CONNEG', () => {
  it('RFC 4141 §5.2: under CONPERM a hop with CONNEG is asked for each recipient', async () =>
    assert.equal(
      await fit(['CONPERM'], 'CONPERM', 'CONNEG', 'DSN'),
      'CONPERM CONNEG NOTIFY=FAILURE',
    ));

  it('RFC 4141 §4.2: a hop without CONNEG is asked nothing', async () =>
    assert.equal(await fit(['CONPERM'], 'CONPERM'), 'CONPERM'));

  it('RFC 4141 §3.3: a hop without CONPERM gets nothing, though it has CONNEG', async () =>
    assert.equal(await fit(['CONPERM'], 'CONNEG'), '554 6.3'));

  it('RFC 4141 §5.2: without CONPERM we do not ask, since who asks must convert', async () =>
    assert.equal(await fit([], 'CONPERM', 'CONNEG'), ''));
});
