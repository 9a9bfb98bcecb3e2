import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OperationParts } from '../admin/operation-parts.ts';
import { LargeRequests } from '../web/large-requests.ts';
import type { OwnPartOf } from './own-part.ts';
import { ownPart } from './own-part.ts';

describe('the own part of an account', () => {
  const by = { who: 'ann@example.org', client: '192.0.2.1' };

  function opened(answer: Awaited<ReturnType<OwnPartOf['login']>>) {
    const noted: unknown[] = [];
    const part = ownPart({
      operationParts: {
        stores: { folders: { list: async () => [] } },
      } as unknown as OperationParts,
      asking: { account: () => Promise.reject(new Error('not asked')) },
      login: async () => answer,
      large: new LargeRequests(),
      audit: { note: (entry) => void noted.push(entry) },
    });
    return { part, noted };
  }

  it('says why the present password was not taken, and notes that it was tried', async () => {
    for (const [answer, words] of [
      [{ kind: 'refused', reason: 'credentials' }, /^the present password is wrong$/],
      [{ kind: 'refused', reason: 'blocked' }, /^too many failed logins/],
      [{ kind: 'refused', reason: 'temporary' }, /^not now/],
      [{ kind: 'code' }, /is wrong$/],
    ] as const) {
      const { part, noted } = opened(answer);
      const given = { present: 'a', password: 'b' };
      await assert.rejects(
        Promise.resolve(part.call('passwordChange', given, by)),
        (error: Error) => {
          assert.match(error.message, words);
          assert.ok(part.isRefusal(error));
          const outcome = error.message;
          assert.deepEqual(noted, [
            {
              ...{ who: 'account ann@example.org', client: '192.0.2.1', input: given, outcome },
              what: 'own passwordChange',
            },
          ]);
          return true;
        },
      );
    }
  });

  it('keeps no record of what is read', async () => {
    const { part, noted } = opened({ kind: 'code' });
    for (const name of ['folders', 'unknown']) await Promise.allSettled([part.call(name, {}, by)]);
    assert.deepEqual(noted, []);
  });
});
