import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseMailbox } from '../mail/fields/address.ts';
import { openInMemory } from '../store/sqlite/test-stores.ts';
import type { AcceptedRecipient, Envelope } from './envelope.ts';
import {
  addSuppression,
  findSuppression,
  listSuppressions,
  removeSuppression,
  suppression,
} from './suppressions.ts';

const entry = (address: string) => ({ address, reason: 'manual', since: 1000 }) as const;

describe('suppressed addresses', () => {
  it('are found whatever their case, alone or by their domain, until they are removed', async () => {
    await using test = await openInMemory();
    const { records } = test.stores;
    await addSuppression(records, { ...entry('Ann@Example.org'), note: 'asked us' });
    await addSuppression(records, entry('@example.com'));
    assert.equal((await findSuppression(records, 'ann@EXAMPLE.org'))?.note, 'asked us');
    assert.equal((await findSuppression(records, 'x@example.com'))?.address, '@example.com');
    assert.equal(await findSuppression(records, 'x@sub.example.com'), undefined);
    const first = await listSuppressions(records, { limit: 1 });
    assert.deepEqual([first.total, first.suppressions.length], [2, 1]);
    const second = await listSuppressions(records, { limit: 1, after: first.next! });
    assert.equal(second.next, null);
    await removeSuppression(records, 'ann@example.org');
    assert.equal(await findSuppression(records, 'ann@example.org'), undefined);
  });

  it('get nothing from whoever has logged in; what others relay is theirs', async () => {
    await using test = await openInMemory();
    const { records } = test.stores;
    const policy = suppression(records);
    const ask = (address: string, account: string | undefined) =>
      policy.rcpt!(
        { client: { account } } as unknown as Envelope,
        { named: parseMailbox(address)! } as unknown as AcceptedRecipient,
      );
    assert.equal(await ask('bob@example.net', 'ann@example.org'), undefined);
    await addSuppression(records, entry('bob@example.net'));
    const answer = await ask('Bob@example.net', 'ann@example.org');
    assert.equal(answer?.objection?.code, 550);
    assert.deepEqual(answer?.findings, [
      { kind: 'note', policy: 'suppression', text: 'bob@example.net: manual' },
    ]);
    assert.equal(await ask('bob@example.net', undefined), undefined);
    assert.equal(await ask('carl@example.net', 'ann@example.org'), undefined);
  });
});
