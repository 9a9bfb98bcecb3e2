import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { formatReply, reply } from '../../smtp/reply.ts';
import type { ClientFacts, Envelope } from '../envelope.ts';
import type { PolicyAnswer } from '../policy.ts';
import { harvest } from './harvest.ts';

it('RFC 5321 §7.3: a network that asks for many names that are not there is cut off for a while', async () => {
  const clock = new FakeClock();
  const unknownRecipientsPerClient = [{ count: 3, perMs: 600_000 }];
  const policy = harvest({ clock, rates: () => ({ unknownRecipientsPerClient }) });
  const client = (address: string) => ({ remote: { address, port: 1 } }) as ClientFacts;
  const refused = (address: string, code = 550, detail = '1.1' as const) =>
    policy.refusedRcpt!(
      { client: client(address) } as Envelope,
      {} as never,
      reply(code, detail, 'x'),
    );
  const connects = (address: string) => {
    const answer = policy.connect!(client(address)) as PolicyAnswer | undefined;
    return answer?.objection && formatReply(answer.objection).trimEnd();
  };
  refused('192.0.2.1', 451);
  for (let i = 0; i < 2; i += 1) refused('192.0.2.1');
  assert.equal(connects('192.0.2.1'), undefined);
  refused('192.0.2.77');
  assert.equal(connects('192.0.2.9'), '421 4.7.1 Too many unknown recipients: again in 200 s');
  assert.equal(connects('198.51.100.1'), undefined);
  const mail = policy.mail!({ client: client('192.0.2.1') } as Envelope) as PolicyAnswer;
  assert.equal(mail.objection?.code, 421);
  // In a transaction that was open already nothing is told any more, of whoever is asked.
  const open = { client: client('192.0.2.1') } as Envelope;
  const unknown = await policy.refusedRcpt!(open, {} as never, reply(550, '1.1', 'x'));
  assert.equal(unknown?.code, 421);
  assert.equal(((await policy.rcpt!(open, {} as never)) as PolicyAnswer).objection?.code, 421);
  assert.equal(await policy.refusedRcpt!(open, {} as never, reply(550, '7.1', 'x')), undefined);
  await clock.advance(200_000);
  assert.equal(connects('192.0.2.9'), undefined);
});
