// How to test what mail does over hours in a few milliseconds: the whole server on a free port, with
// a clock that stands still until it is moved.
//   node --test examples/retry.test.ts

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { reply, SmtpServer } from 'postrider';
import { startTestServer } from 'postrider/testing';

const hour = 60 * 60_000;

it('tells the sender that mail is delayed, and delivers it when the other server is back', async () => {
  let isBack = false;
  const arrived: string[] = [];
  await using partner = await new SmtpServer({
    onRecipient: () => (isBack ? undefined : reply(451, '3.0', 'Back soon')),
    onMessage: async (message) => void arrived.push(message.subject),
  }).listen();

  await using server = await startTestServer({
    accounts: ['ann@example.org'],
    config: {
      domains: ['example.org'],
      trustedNetworks: ['127.0.0.1/32'],
      routes: [{ domain: 'partner.example', host: '127.0.0.1', port: partner.port, tls: 'none' }],
      queue: { retryAfter: ['5m', '30m', '1h'], warnAfter: '1h' },
    },
  });

  await server.send({
    from: 'ann@example.org',
    to: 'bob@partner.example',
    message: 'Subject: Lunch?\r\n\r\nAt noon.\r\n',
  });
  await server.advance(2 * hour);
  const notice = await server.waitFor((message) => message.mailbox === 'ann@example.org');
  assert.match(notice.raw.toString(), /^Action: delayed\r$/m);
  assert.match(notice.text, /451 4\.3\.0 Back soon/);
  assert.deepEqual(arrived, []);

  isBack = true;
  await server.advance(2 * hour);
  assert.deepEqual(arrived, ['Lunch?']);
});
