// What a node knows of its own leases: which are lost, and which the database says it has without its knowing.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { at, message } from '../../conformance/harness.ts';
import { memoryContent } from '../../content.ts';
import { freshLeases } from '../../fresh-leases.ts';
import { messageKey } from '../../message-key.ts';
import { OwnLeases } from './own-leases.ts';

const session = 7;

const leasesOf = (id: string, hosts: readonly string[] = ['a']) =>
  freshLeases(
    message(id, { recipients: hosts.map((host) => at(`x@${host}.test`, `mx:${host}`)) }),
    { content: memoryContent(Buffer.from('x')), fence: 1, expires: 1e15 },
  );

const rowsOf = (id: string, count = 1) =>
  Array.from({ length: count }, (_, index) => ({ message: messageKey(id), index, fence: 1 }));

describe('own leases', () => {
  it('a lease belongs to the session it was claimed in', () => {
    const own = new OwnLeases();
    const [lease] = leasesOf('m1');
    own.add([lease!], session);
    assert.equal(own.isLost(lease!, session), false);
    assert.equal(own.isLost(lease!, session + 1), true);
    assert.equal(own.isLost({ ...lease! }, session), true, 'of nobody');
  });

  it('what nobody here knows is missed when all that was under way when it was seen is over', async () => {
    const own = new OwnLeases();
    own.add(leasesOf('m1'), session);
    let answer = () => {};
    const slow = own.claiming(
      () =>
        new Promise<void>((resolve) => {
          answer = resolve;
        }),
      () => 0,
    );
    const claimed = [...rowsOf('m1'), ...rowsOf('m2')];
    assert.deepEqual(own.missed(claimed, { session, askedAt: 1e9 }), []);
    assert.deepEqual(
      own.missed(claimed, { session, askedAt: 1e9 }),
      [],
      'the claim may be just that',
    );
    answer();
    await slow;
    const later = own.claiming(
      () => new Promise(() => {}),
      () => 0,
    );
    void later;
    assert.deepEqual(own.missed(claimed, { session, askedAt: 1e9 }), rowsOf('m2'));
  });

  it('a claim that fails leaves doubt for a while, and until all is known', async () => {
    const own = new OwnLeases();
    assert.equal(own.isInDoubt, false);
    await assert.rejects(
      own.claiming(
        () => Promise.reject(new Error('cut')),
        () => 1000,
      ),
    );
    assert.equal(own.isInDoubt, true);
    own.missed([], { session, askedAt: 1000 });
    assert.equal(own.isInDoubt, true, 'it may come still');
    own.missed([], { session, askedAt: 1e9 });
    assert.equal(own.isInDoubt, false);
    own.missed(rowsOf('m2'), { session, askedAt: 1e9 });
    assert.equal(own.isInDoubt, true);
    own.missed([], { session, askedAt: 1e9 });
    assert.equal(own.isInDoubt, false);
  });

  it('as long as some of a message is attempted, the others are let be; after a new beginning nothing is held', () => {
    const own = new OwnLeases();
    own.add(leasesOf('m1', ['a']), session);
    const claimed = rowsOf('m1', 2);
    for (let i = 0; i < 2; i += 1)
      assert.deepEqual(own.missed(claimed, { session, askedAt: 1e9 }), []);
    own.drop('m1', 1);
    assert.deepEqual(own.missed(claimed, { session, askedAt: 1e9 }), claimed);
    own.add(leasesOf('m2'), session);
    assert.equal(own.nextExpiry(), 1e15);
    own.missed([], { session: session + 1, askedAt: 1e9 });
    assert.equal(own.nextExpiry(), undefined);
  });
});
