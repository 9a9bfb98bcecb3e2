// What scripts/prove-cluster.ts does for minutes, for some seconds: three nodes under load, killed with kill -9 and stopped
// for longer than the others wait. In so short a time most of what two of them bring is near to what was done to them, and
// may come twice: what is held to account is what is lost, what is twice in a mailbox, and the third node.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { testCluster, withoutPostgres } from '../../src/store/postgres/test-cluster.ts';
import { freezeNodes, killNodes, nodeTimeout } from '../cluster/disturbances.ts';
import { assertKept, Ledger } from '../cluster/ledger.ts';
import { prove } from '../cluster/proof.ts';

describe('three nodes under load', { skip: withoutPostgres() }, () => {
  it('kill -9, and standing still: nothing with a 250 is lost, and only what was in flight comes twice', async (t) => {
    const kill = killNodes(2);
    const proof = await prove(
      (cluster, round) =>
        round % 2 === 0 ? kill(cluster, round / 2) : freezeNodes(cluster, round),
      {
        ...{ url: await (await testCluster()).database(), nodes: 3, nodeTimeout },
        ...{ seconds: 10, rate: 15, say: (line) => t.diagnostic(line) },
      },
    );
    t.diagnostic(JSON.stringify(proof));
    assertKept(proof);
    assert.ok(proof.accepted > 20 && proof.arrived > 0 && proof.stored > 0, 'there was mail');
  });
});

describe('the ledger', () => {
  it('knows what is lost, and what came twice without a reason', () => {
    let now = 0;
    const ledger = new Ledger(() => now);
    const take = (local: boolean) => {
      const id = ledger.begin(local);
      ledger.answered(id, '250 2.0.0 OK');
      return id;
    };
    const [kept, lost, inFlight, twice, storedTwice] = [false, false, false, false, true].map(
      take,
    ) as [...[string, string, string, string, string]];
    const cut = ledger.begin(false);
    ledger.answered(ledger.begin(false), '451 4.3.0 later');
    ledger.arrived(kept, 'n1');
    ledger.arrived(twice, 'n1');
    now = 60_000;
    ledger.arrived(inFlight, 'n1');
    ledger.arrived(cut, 'n2');
    now += 100;
    ledger.killed('n1');
    now += 5000;
    ledger.arrived(inFlight, 'n2');
    ledger.arrived(twice, 'n2');
    // The same node goes on, too late for its own excuse.
    const again = take(false);
    ledger.arrived(again, 'n1');
    ledger.arrived(again, 'n1');
    for (let i = 0; i < 2; i += 1) ledger.stored(storedTwice);
    // Taken over from a node that stood still, and goes on.
    const late = take(false);
    now += 60_000;
    ledger.arrived(late, 'n2');
    now += 60_000;
    ledger.killed('n1');
    now += 300;
    ledger.arrived(late, 'n1');
    const tally = ledger.tally();
    assert.deepEqual([tally.sent, tally.accepted, tally.unanswered, tally.refused], [9, 7, 1, 1]);
    assert.deepEqual([tally.lost, tally.twice, tally.inFlightMs], [[lost], 5, 300]);
    assert.deepEqual(tally.inexcusable, [twice, storedTwice, again]);
    assert.throws(() => assertKept(tally), /nowhere/);
    assert.throws(() => assertKept({ ...tally, lost: [] }), /not in flight/);
  });
});
