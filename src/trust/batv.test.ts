import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import type { Mailbox } from '../mail/fields/address.ts';
import { canBeTagged, isTagged, taggedLocalPart, untagged } from './batv.ts';

const key = { secret: Buffer.from('a secret'), today: 20_000 };
const ann: Mailbox = { local: 'Ann', domain: 'Example.ORG' };
const tag = (sender: Mailbox, today = key.today) => taggedLocalPart(sender, { ...key, today });
const back = (local: string, today = key.today, domain = ann.domain) =>
  untagged({ local, domain }, { ...key, today });

describe('BATV', () => {
  it('is written as the draft says: a digit of the key, the last day, a hash', () => {
    assert.match(tag(ann), /^prvs=0007[0-9a-f]{6}=Ann$/);
    assert.match(tag(ann, 20_995), /^prvs=0002[0-9a-f]{6}=Ann$/);
  });

  it('every address comes back as it was, on any day and the seven after it, and not later', () => {
    const locals = fc.string({ minLength: 1, unit: 'binary' }).filter((local) => !isTagged(local));
    const laters = fc.oneof(fc.nat({ max: 9 }), fc.nat({ max: 900 }));
    fc.assert(
      fc.property(locals, fc.nat({ max: 40_000 }), laters, (local, day, later) => {
        const found = back(tag({ ...ann, local }, day), day + later);
        if (later <= 7)
          assert.deepEqual(found, { kind: 'sender', sender: { local, domain: ann.domain } });
        else assert.deepEqual(found, { kind: 'expired' });
      }),
    );
  });

  it('the case of the address may change on the way', () => {
    assert.deepEqual(back(tag(ann).toUpperCase(), key.today, 'EXAMPLE.org'), {
      kind: 'sender',
      sender: { local: 'ANN', domain: 'EXAMPLE.org' },
    });
  });

  it('is refused when the name, the domain, the day, the key or the hash is another', () => {
    const local = tag(ann);
    const changed = [
      local.replace(/=Ann$/, '=Bob'),
      local.replace(/=Ann$/, '=Ann+x'),
      local.replace('=0007', '=0006'),
      local.replace('=0007', '=1007'),
      local.replace(/(.)=Ann$/, (_, last) => `${last === '0' ? '1' : '0'}=Ann`),
    ];
    for (const one of changed) assert.deepEqual(back(one), { kind: 'forged' }, one);
    assert.deepEqual(back(local, key.today, 'example.net'), { kind: 'forged' });
    const others = { ...key, secret: Buffer.from('another') };
    assert.deepEqual(untagged({ ...ann, local }, others), { kind: 'forged' });
  });

  it('what is written otherwise is an address like any other', () => {
    for (const local of ['ann', 'prvs=', 'prvs=ann', 'prvs=12345678=ann', 'prvs=0007abcdef=', 'x'])
      assert.equal(back(local), undefined, local);
  });

  it('an address that would be too long for others, or is tagged, gets no tag', () => {
    assert.equal(canBeTagged({ ...ann, local: 'a'.repeat(48) }), true);
    assert.equal(tag({ ...ann, local: 'a'.repeat(48) }).length, 64);
    assert.equal(canBeTagged({ ...ann, local: 'a'.repeat(49) }), false);
    assert.equal(canBeTagged({ ...ann, local: tag(ann) }), false);
  });
});
