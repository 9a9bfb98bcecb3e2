import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Finding } from '../../mail/finding.ts';
import type { ForwardingParts } from './forwarded.ts';
import { forwardedAs } from './forwarded.ts';

const parts: ForwardingParts = {
  ...{ hostname: 'mx.example.org', primaryDomain: 'example.org', rewriteSender: true, seal: false },
  isOurs: (domain) => ['example.org', 'other.example'].includes(domain),
  returnAddresses: {
    of: async ({ local, domain: of }, domain) => ({ local: `for-${local}-${of}`, domain }),
  },
};
const findings = (...kinds: object[]) => kinds as readonly Finding[];
const as = (
  sender: string,
  original: string,
  changes: Partial<ForwardingParts> = {},
  found = findings(),
) => forwardedAs({ sender, findings: found }, original, { ...parts, ...changes });

describe('mail that an alias sends on', () => {
  it('goes under a sender in the domain of the alias, or in the first of ours', async () => {
    const sender = 'ann@far.test';
    assert.equal((await as(sender, 'all@other.example')).sender, 'for-ann-far.test@other.example');
    for (const original of ['all@elsewhere.test', 'nonsense'])
      assert.equal((await as(sender, original)).sender, 'for-ann-far.test@example.org');
  });

  it('RFC 5321 §4.5.5: keeps the null sender, senders of ours, and all where nothing is rewritten', async () => {
    for (const sender of ['', 'bob@example.org'])
      assert.deepEqual(await as(sender, 'all@example.org'), { sender });
    const sender = 'ann@far.test';
    assert.deepEqual(await as(sender, 'all@example.org', { rewriteSender: false }), { sender });
  });

  it('RFC 8617 §5.1: is sealed with what was found, and with how the chain was', async () => {
    const spf = { kind: 'spf', identity: 'mailfrom', result: 'pass', domain: 'far.test' };
    const seal = async (...found: object[]) =>
      (await as('ann@far.test', 'all@other.example', { seal: true }, findings(...found))).seal;
    assert.equal(await seal(), undefined, 'nothing was found out');
    const first = await seal(spf);
    assert.deepEqual([first?.domain, first?.chain], ['other.example', 'none']);
    assert.match(first?.results ?? '', /^mx\.example\.org;\r\n spf=pass/);
    const arc = { kind: 'arc', result: 'fail', sealers: [] };
    assert.equal((await seal(spf, arc))?.chain, 'fail');
  });
});
