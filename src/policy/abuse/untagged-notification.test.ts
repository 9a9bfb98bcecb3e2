import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import type { Mailbox } from '../../mail/fields/address.ts';
import { parseMailbox } from '../../mail/fields/address.ts';
import { ReturnAddresses } from '../addresses/return-addresses.ts';
import type { PolicyAnswer } from '../policy.ts';
import { untaggedNotification } from './untagged-notification.ts';

const policy = untaggedNotification({
  tags: (domain) => domain === 'example.org',
  takesReports: ({ local }) => local === 'dmarc',
});

const refused = (named: Mailbox, sender: Mailbox | null = null) =>
  (policy.rcpt!({ sender } as never, { named } as never) as PolicyAnswer | undefined)?.objection
    ?.code;

it('a notification to a plain address is about mail that others sent, where all of ours is tagged', async () => {
  const ann = parseMailbox('ann@example.org')!;
  assert.equal(refused(ann), 550);
  assert.equal(refused(ann, parseMailbox('bob@far.test')!), undefined, 'mail that may be answered');
  assert.equal(refused(parseMailbox('ann@elsewhere.test')!), undefined, 'which sends as it is');
  assert.equal(refused(parseMailbox('dmarc@example.org')!), undefined, 'which asked for reports');
  assert.equal(refused({ ...ann, local: 'a'.repeat(60) }), undefined, 'too long to be tagged');
  const parts = { secret: async () => Buffer.from('x'), clock: new FakeClock() };
  const tagged = (await new ReturnAddresses(parts).tagged(ann))!;
  assert.equal(refused(tagged), undefined, 'whether it is valid is for others to say');
});
