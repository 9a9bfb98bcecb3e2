import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import type { Mailbox } from '../mail/fields/address.ts';
import { reverseSrs, srsLocalPart } from './srs.ts';

const key = { secret: Buffer.from('a secret'), today: 20_000 };
const ann: Mailbox = { local: 'Ann', domain: 'Example.ORG' };
const back = (local: string, days = 0) => reverseSrs(local, { ...key, today: key.today + days });

describe('SRS', () => {
  it('leads back to the sender, also in another case', () => {
    const local = srsLocalPart(ann, key);
    assert.match(local, /^SRS0=[a-z2-7]{6}=[a-z2-7]{2}=example\.org=Ann$/);
    assert.deepEqual(back(local), {
      kind: 'sender',
      sender: { local: 'Ann', domain: 'example.org' },
    });
    assert.deepEqual(back(local.toUpperCase()), {
      kind: 'sender',
      sender: { local: 'ANN', domain: 'EXAMPLE.ORG' },
    });
  });

  it('every local part comes back as it was, whatever it is made of', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (local) => {
        const found = back(srsLocalPart({ local, domain: 'example.org' }, key));
        assert.equal(found?.kind, 'sender');
        if (!/^srs[01]/i.test(local))
          assert.equal(found?.kind === 'sender' && found.sender.local, local);
      }),
    );
  });

  it('one that only begins like a rewritten address comes back, too', () => {
    for (const local of ['SRS0', 'srs0=', 'srs0-', 'SRS1=', 'SRS1=abc=one.example='])
      assert.deepEqual(back(srsLocalPart({ local, domain: 'example.org' }, key)), {
        kind: 'sender',
        sender: { local, domain: 'example.org' },
      });
    assert.equal(
      back(srsLocalPart({ local: 'SRS1=abc=one.example==', domain: 'example.org' }, key))?.kind,
      'sender',
    );
  });

  it('a second forwarder names the first one only, a third does not grow it', () => {
    const first = srsLocalPart(ann, { ...key, secret: Buffer.from('another') });
    const second = srsLocalPart({ local: first, domain: 'one.example' }, key);
    assert.match(second, /^SRS1=[a-z2-7]{6}=one\.example==/);
    assert.deepEqual(back(second), {
      kind: 'sender',
      sender: { local: first, domain: 'one.example' },
    });
    const third = srsLocalPart({ local: second, domain: 'two.example' }, key);
    assert.deepEqual(back(third), back(second));
    assert.equal(third.length, second.length);
  });

  it('is refused when the hash, the domain or the name is another', () => {
    const local = srsLocalPart(ann, key);
    const changed = [
      local.replace('example.org', 'example.net'),
      local.replace(/=Ann$/, '=Bob'),
      local.replace(/^(SRS0=)./, (_, start) => `${start}${local[5] === 'a' ? 'b' : 'a'}`),
      'SRS0=aaaaaa=aa=example.org=ann',
      'SRS0=short',
      'SRS1=aaaaaa=example.org==x',
    ];
    for (const one of changed) assert.deepEqual(back(one), { kind: 'forged' }, one);
    const others = { ...key, secret: Buffer.from('another') };
    assert.deepEqual(reverseSrs(local, others), { kind: 'forged' });
  });

  it('leads to no domain that is none, though we have signed it for a forwarder who made it up', () => {
    const local = srsLocalPart({ local: 'SRS1=abc=-none-==x', domain: 'one.example' }, key);
    assert.match(local, /^SRS1=[a-z2-7]{6}=-none-==x$/);
    assert.deepEqual(back(local), { kind: 'forged' });
    assert.deepEqual(back(srsLocalPart({ local: 'ann', domain: '-none-' }, key)), {
      kind: 'forged',
    });
  });

  it('ends after three weeks', () => {
    const local = srsLocalPart(ann, key);
    assert.equal(back(local, 21)?.kind, 'sender');
    assert.deepEqual(back(local, 22), { kind: 'expired' });
    assert.deepEqual(back(local, 1000), { kind: 'expired' });
  });

  it('other addresses are none of its business', () => {
    for (const local of ['ann', 'srs', 'SRS0', 'srs0-list', 'ann+SRS0=x'])
      assert.equal(back(local), undefined, local);
  });
});
