import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { openStores } from '../store/open-stores.ts';
import { ShownProofs } from './shown-proofs.ts';

const token = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ';
const proof = { name: 'mx.example.org', token, keyAuthorization: `${token}.print` };

/** Two nodes that share records, each of which is told of what the other does. */
async function two() {
  const clock = new FakeClock();
  const stores = await openStores({ directory: ':memory:', log: silentLog, clock });
  const listeners: (() => void)[] = [];
  const nodes = [0, 1].map(() => {
    const shown = new Map<string, string>();
    const proofs = new ShownProofs({
      ...{ clock, log: silentLog },
      records: {
        get: (...asked) => stores.records.get(...asked),
        list: (...asked) => stores.records.list(...asked),
        put: async (records) => {
          await stores.records.put(records);
          for (const listener of listeners) listener();
        },
        remove: async (kind, keys) => {
          await stores.records.remove(kind, keys);
          for (const listener of listeners) listener();
        },
        watch: (_, listener) => {
          listeners.push(listener);
          return () => {};
        },
      },
      show: (name, pair) =>
        void (pair === undefined ? shown.delete(name) : shown.set(name, pair.certificate)),
    });
    proofs.watch();
    return { proofs, shown };
  });
  const settled = () => stores.records.list('acme-challenge', { limit: 1 });
  return {
    ...{ clock, one: nodes[0]!, other: nodes[1]!, settled },
    [Symbol.asyncDispose]: () => stores[Symbol.asyncDispose](),
  };
}

describe('what is shown to authorities', () => {
  it('RFC 8555 §8.3: by HTTP, whichever node is asked, until it is withdrawn', async () => {
    await using test = await two();
    const { one, other, clock } = test;
    await one.proofs.present('http-01', proof);
    for (const { proofs, shown } of [one, other]) {
      assert.equal(await proofs.find(token), `${token}.print`);
      assert.equal(await proofs.find('another-token-of-some-length'), undefined);
      assert.equal(shown.size, 0);
    }
    await one.proofs.withdraw(proof);
    for (const { proofs } of [one, other]) assert.equal(await proofs.find(token), undefined);
    await one.proofs.present('http-01', proof);
    await clock.advance(2 * 3_600_000);
    assert.equal(await other.proofs.find(token), undefined, 'what a crash left has an end');
  });

  it('RFC 8737: in handshakes of every node, and by nothing else', async () => {
    await using test = await two();
    const { one, other, settled } = test;
    await one.proofs.present('tls-alpn-01', proof);
    await settled();
    for (const { proofs, shown } of [one, other]) {
      assert.match(shown.get('mx.example.org') ?? '', /BEGIN CERTIFICATE/);
      assert.equal(await proofs.find(token), undefined);
    }
    await one.proofs.withdraw(proof);
    await settled();
    for (const { shown } of [one, other]) assert.equal(shown.size, 0);
  });
});
