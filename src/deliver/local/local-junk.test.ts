import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import type { Finding } from '../../mail/finding.ts';
import type { JudgeFor } from '../../policy/spam/spam-filter.ts';
import { memoryContent } from '../../store/content.ts';
import { MemorySpool } from '../../store/files/memory-spool.ts';
import type { Lease, Origin } from '../../store/queue-store.ts';
import { createLocalDelivery } from './local.ts';

const accounts = ['ann@example.org', 'bob@example.org'];

/** What becomes of a message for both: folders, and what is noted. */
async function placed(judge: JudgeFor, origin: Partial<Origin> = {}) {
  const deliver = createLocalDelivery({
    addressMap: { accountOf: async (address) => address },
    ...{ clock: new FakeClock(), spool: new MemorySpool() },
    spamFilter: { judging: () => judge },
  });
  const lease: Lease = {
    message: {
      ...{ id: 'id1', received: 0, sender: 'eve@example.net', params: [], prefix: '' },
      content: memoryContent(Buffer.from('Subject: x\r\n\r\ny\r\n')),
      origin: { session: 's', service: 'smtp', protocol: 'ESMTP', ...origin },
    },
    destination: 'local',
    recipients: accounts.map((address, index) => ({
      ...{ address, params: [], delivery: 'local', destination: 'local', index },
      ...{ attempt: 1, fence: 1, warned: false },
    })),
    expires: 0,
  };
  const { recipients } = await deliver(lease, new AbortController().signal);
  return recipients.map((one) => {
    assert(one.kind === 'delivered' && one.effects?.[0]?.kind === 'append');
    const { folder, flags } = one.effects[0];
    return [folder, ...flags, one.facts?.note].join(' ').trim();
  });
}

const judge: JudgeFor = async (account) =>
  account === accounts[0] ? { isJunk: true, text: 'spam' } : { isJunk: false, text: 'no spam' };

describe('what its recipients have learnt of a message', () => {
  it('puts it into Junk for those who would have, and is noted', async () => {
    assert.deepEqual(await placed(judge), ['Junk $Junk spam', 'INBOX no spam']);
    assert.deepEqual(await placed(async () => undefined), ['INBOX', 'INBOX']);
  });

  it('is not asked about mail of our own, what the operator allows, and what is junk already', async () => {
    const finding = (found: Finding) => ({ findings: [found] });
    for (const origin of [
      { account: 'bob@example.org' },
      { protocol: 'local' },
      finding({ kind: 'access', action: 'allow', place: 0 }),
    ])
      assert.deepEqual(await placed(judge, origin), ['INBOX', 'INBOX']);
    const junk = finding({ kind: 'filter', filter: 'f', verdict: 'junk', junk: true });
    assert.deepEqual(await placed(judge, junk), ['Junk $Junk', 'Junk $Junk']);
  });
});
