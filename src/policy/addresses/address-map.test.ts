import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Fields, Log } from '../../base/log.ts';
import { silentLog } from '../../base/log.ts';
import { fc } from '../../base/test-properties.ts';
import { addressKey, formatMailbox, parseMailbox } from '../../mail/fields/address.ts';
import { enhancedStatus, formatReply } from '../../smtp/reply.ts';
import type { Account } from '../../store/account-store.ts';
import type { AddressMap, AddressMapOptions } from './address-map.ts';
import { createAddressMap } from './address-map.ts';
import { ReturnAddresses } from './return-addresses.ts';

function accountsOf(...addresses: string[]): AddressMapOptions['accounts'] {
  const all = addresses.map((list): Account => {
    const keys = list.split(' ').map(addressKey);
    return { address: keys[0]!, addresses: keys, created: 0 };
  });
  return {
    find: async (address) => all.find((account) => account.addresses.includes(address)),
    list: async () => all,
  };
}

const options: AddressMapOptions = {
  accounts: accountsOf(
    'ann@example.org second@example.org',
    'bob@example.org',
    'jörg@bücher.example',
  ),
  domains: ['example.org', '.lists.example.org', 'bücher.example', 'catch.example'],
  relayDomains: ['example.net', '.sub.example.net'],
  aliases: new Map([
    ['info@example.org', ['ann@example.org', 'bob@example.org', 'far@elsewhere.example']],
    ['all@example.org', ['info@example.org', 'ann@example.org']],
    ['copy@example.org', ['copy@example.org', 'bob@example.org']],
    ['bob@example.org', ['bob@example.org', 'bob@phone.example']],
    ['loop-a@example.org', ['loop-b@example.org']],
    ['loop-b@example.org', ['loop-a@example.org']],
    ['half@example.org', ['nobody@example.org', 'ann@example.org']],
    ['dead@example.org', ['nobody@example.org']],
    ['Groß@bücher.example', ['ann@example.org']],
    ['@catch.example', ['ann@example.org']],
    ['gate@example.net', ['ann@example.org']],
  ]),
  recipientDelimiter: '+',
  hostname: 'mx.example.org',
  ourAddresses: new Set(['192.0.2.53', '2001:db8::53']),
  log: silentLog,
};

/** `address>account<original` for each recipient, or the refusal's code and status. */
async function told(addressMap: AddressMap, address: string, mayRelay = false): Promise<string> {
  const mailbox = parseMailbox(address) ?? { local: address, domain: '' };
  const resolution = await addressMap.resolve(mailbox, { mayRelay });
  if (resolution.kind === 'refuse')
    return `${resolution.reply.code} ${enhancedStatus(resolution.reply)}`;
  return resolution.recipients
    .map(
      (r) => r.address + (r.account ? `>${r.account}` : '') + (r.original ? `<${r.original}` : ''),
    )
    .join(' ');
}

describe('createAddressMap', () => {
  const addressMap = createAddressMap(options);
  const table: [string, string, string][] = [
    ['an account', 'ann@example.org', 'ann@example.org>ann@example.org'],
    ['case does not matter', 'ANN@Example.ORG', 'ANN@Example.ORG>ann@example.org'],
    ['another address of an account', 'second@example.org', 'second@example.org>ann@example.org'],
    [
      'what follows the delimiter',
      'ann+lists@example.org',
      'ann+lists@example.org>ann@example.org',
    ],
    ['nothing before the delimiter', '+ann@example.org', '550 5.1.1'],
    ['RFC 5321 §3.6.2: unknown here', 'nobody@example.org', '550 5.1.1'],
    [
      'a U-label for an A-label',
      'jörg@xn--bcher-kva.example',
      'jörg@xn--bcher-kva.example>jörg@xn--bcher-kva.example',
    ],
    [
      'an alias with U-labels',
      'groß@bücher.example',
      'ann@example.org>ann@example.org<groß@bücher.example',
    ],
    [
      'RFC 5321 §3.9.1: an alias to several, here and elsewhere, through another alias',
      'info@example.org',
      'ann@example.org>ann@example.org<info@example.org bob@example.org>bob@example.org<info@example.org bob@phone.example<info@example.org far@elsewhere.example<info@example.org',
    ],
    [
      'an alias of an alias gives nobody two copies',
      'all@example.org',
      'ann@example.org>ann@example.org<all@example.org bob@example.org>bob@example.org<all@example.org bob@phone.example<all@example.org far@elsewhere.example<all@example.org',
    ],
    [
      'an alias may name its own account',
      'bob@example.org',
      'bob@example.org>bob@example.org<bob@example.org bob@phone.example<bob@example.org',
    ],
    ['an alias with a detail', 'dead+x@example.org', '550 5.1.1'],
    ['aliases that only name each other', 'loop-a@example.org', '550 5.4.6'],
    [
      'an alias with one dead end',
      'half@example.org',
      'ann@example.org>ann@example.org<half@example.org',
    ],
    ['an alias that leads nowhere', 'dead@example.org', '550 5.1.1'],
    ['a catch-all', 'who@catch.example', 'ann@example.org>ann@example.org<who@catch.example'],
    ['a subdomain that was not named', 'ann@a.example.org', '550 5.7.1'],
    ['a subdomain pattern, but not the domain itself', 'ann@lists.example.org', '550 5.7.1'],
    ['unknown in a subdomain of a pattern', 'ann@x.lists.example.org', '550 5.1.1'],
    ['a relay domain', 'anybody@example.net', 'anybody@example.net'],
    ['a subdomain of a relay domain', 'anybody@a.sub.example.net', 'anybody@a.sub.example.net'],
    ['a subdomain of a relay domain that was not named', 'anybody@a.example.net', '550 5.7.1'],
    [
      'an alias in a relay domain',
      'gate@example.net',
      'ann@example.org>ann@example.org<gate@example.net',
    ],
    ['RFC 5321 §3.6.2: relaying for strangers', 'x@elsewhere.example', '550 5.7.1'],
    ['a literal of somebody else', 'x@[198.51.100.1]', '550 5.7.1'],
    ['somebody else at a literal of ours', 'x@[192.0.2.53]', '550 5.1.1'],
    ['an address without a domain', 'ann', '550 5.1.3'],
    ['a quoted local part with an @', '"ann@example.org"@elsewhere.example', '550 5.7.1'],
    [
      'RFC 5321 §4.5.1: postmaster of a domain',
      'PostMaster@example.org',
      'ann@example.org>ann@example.org<PostMaster@example.org',
    ],
    [
      'RFC 5321 §4.5.1: <postmaster> without a domain',
      'postmaster',
      'ann@example.org>ann@example.org<postmaster',
    ],
    [
      'RFC 5321 §4.5.1: postmaster at our own name',
      'postmaster@mx.example.org',
      'ann@example.org>ann@example.org<postmaster@mx.example.org',
    ],
    [
      'RFC 5321 §4.5.1: postmaster at an address of ours',
      'postmaster@[IPv6:2001:DB8::53]',
      'ann@example.org>ann@example.org<postmaster@[IPv6:2001:DB8::53]',
    ],
    [
      'postmaster of a catch-all domain',
      'postmaster@catch.example',
      'ann@example.org>ann@example.org<postmaster@catch.example',
    ],
    ['postmaster of a relay domain is theirs', 'postmaster@example.net', 'postmaster@example.net'],
    ['postmaster of somebody else', 'postmaster@elsewhere.example', '550 5.7.1'],
  ];
  for (const [title, address, expected] of table)
    it(title, async () => assert.equal(await told(addressMap, address), expected));

  it('relays anywhere for those who may', async () => {
    assert.equal(await told(addressMap, 'x@Elsewhere.example', true), 'x@Elsewhere.example');
    assert.equal(await told(addressMap, 'x@[198.51.100.1]', true), 'x@[198.51.100.1]');
  });

  it('refuses unknown recipients of ours at RCPT to those who may relay, too', async () =>
    assert.equal(await told(addressMap, 'nobody@example.org', true), '550 5.1.1'));

  it('RFC 5321 §4.1.3, §4.5.1: postmaster at the address that the client reached', async () => {
    const at = async (domain: string, ourAddress?: string) => {
      const asking = { mayRelay: false, ourAddress };
      const found = await addressMap.resolve({ local: 'Postmaster', domain }, asking);
      return found.kind === 'accept' ? found.recipients[0].account : found.reply.code;
    };
    for (const [domain, ourAddress] of [
      ['[198.51.100.7]', '198.51.100.7'],
      ['[198.51.100.7]', '::ffff:198.51.100.7'],
      ['[IPv6:2001:DB8:0::7]', '2001:db8::7'],
      ['[ipv6:fe80::7]', 'fe80::7%eth0'],
    ] as const)
      assert.equal(await at(domain, ourAddress), 'ann@example.org', domain);
    assert.equal(await at('[198.51.100.8]', '198.51.100.7'), 550);
    assert.equal(await at('[198.51.100.7]'), 550);
    const other = { local: 'ann', domain: '[198.51.100.7]' };
    const asking = { mayRelay: true, ourAddress: '198.51.100.7' };
    assert.equal((await addressMap.resolve(other, asking)).kind, 'refuse', 'nobody else is there');
  });

  it('one mailbox is one copy: the same account without a detail, or with the same', async () => {
    const copyOf = async (address: string, of = addressMap) => {
      const found = await of.resolve(parseMailbox(address)!, { mayRelay: true });
      return found.kind === 'accept' ? found.recipients[0].copy : undefined;
    };
    const same: string[][] = [
      ['ann@example.org', 'ANN@EXAMPLE.ORG', 'second@example.org', '"Ann"@example.org'],
      ['ann+x@example.org', 'Ann+X@Example.org', 'second+x@example.org'],
      ['ann+y@example.org'],
      ['bo@elsewhere.example', 'bo@ELSEWHERE.example'],
      // RFC 5321 §2.4: only the final host may say that these are the same.
      ['Bo@elsewhere.example'],
      ['x@bücher.test', 'x@XN--bcher-kva.test'],
    ];
    const copies: (string | undefined)[] = [];
    for (const addresses of same) {
      const found = new Set(await Promise.all(addresses.map((address) => copyOf(address))));
      assert.equal(found.size, 1, addresses.join());
      copies.push(...found);
    }
    assert.equal(new Set(copies).size, same.length);
    const dev = createAddressMap({ ...options, acceptAll: true });
    assert.equal(await copyOf('A@B.example', dev), await copyOf('a@b.EXAMPLE', dev));
  });

  it('an alias that leads to a mailbox with and without a detail makes two copies', async () => {
    const aliases = new Map([
      ['x@example.org', ['ann@example.org', 'Ann+l@example.org', 'ANN@example.org']],
    ]);
    const found = await told(createAddressMap({ ...options, aliases }), 'x@example.org');
    assert.deepEqual(found.split(' '), [
      'ann@example.org>ann@example.org<x@example.org',
      'Ann+l@example.org>ann@example.org<x@example.org',
    ]);
  });

  it('the first account is looked for once, however often strangers write to postmaster', async () => {
    let lists = 0;
    const all = [options.accounts, accountsOf('cid@example.org')];
    const accounts: AddressMapOptions['accounts'] = {
      find: (address) => all[0]!.find(address),
      list: () => {
        lists += 1;
        return all[0]!.list();
      },
    };
    const addressMap = createAddressMap({ ...options, accounts });
    for (const expected of [1, 1]) {
      assert.match(await told(addressMap, 'postmaster'), /^ann@example\.org>/);
      assert.equal(lists, expected);
    }
    all.shift();
    assert.match(await told(addressMap, 'postmaster'), /^cid@example\.org>/);
    assert.equal(lists, 2);
  });

  it('RFC 5321 §4.5.1: an alias or account for postmaster comes before the first account', async () => {
    const alias = new Map([['postmaster@example.org', ['bob@example.org']]]);
    const aliased = createAddressMap({ ...options, aliases: alias });
    const expected = 'bob@example.org>bob@example.org<postmaster';
    assert.equal(await told(aliased, 'postmaster'), expected);
    const accounts = accountsOf('ann@example.org', 'postmaster@example.org');
    const own = createAddressMap({ ...options, accounts });
    assert.match(await told(own, 'postmaster'), />postmaster@example\.org/);
  });

  it('without any account there is no postmaster, and the log says so', async () => {
    const { log, warnings } = recordingLog();
    const addressMap = createAddressMap({ ...options, accounts: accountsOf(), log });
    assert.equal(await told(addressMap, 'postmaster'), '550 5.1.1');
    assert.equal(warnings.length, 1);
  });

  it('logs what an alias cannot deliver to', async () => {
    const { log, warnings } = recordingLog();
    await told(createAddressMap({ ...options, log }), 'half@example.org');
    assert.deepEqual(warnings[0]?.targets, ['nobody@example.org']);
    const aliases = new Map([
      ['a@example.org', ['b@example.org', 'ann@example.org']],
      ['b@example.org', ['a@example.org']],
      ['right@example.org', ['ann@example.org']],
    ]);
    const addressMap = createAddressMap({ ...options, aliases, log });
    await told(addressMap, 'a@example.org');
    assert.deepEqual(warnings[1]?.targets, ['a@example.org']);
    await told(addressMap, 'right@example.org');
    assert.equal(warnings.length, 2);
  });

  it('the most specific of `domains` and `relayDomains` decides', async () => {
    const addressMap = createAddressMap({
      ...options,
      domains: ['.example.com'],
      relayDomains: ['gateway.example.com'],
    });
    assert.equal(await told(addressMap, 'x@gateway.example.com'), 'x@gateway.example.com');
    assert.equal(await told(addressMap, 'x@other.example.com'), '550 5.1.1');
  });

  it('takes everything when told to', async () => {
    const addressMap = createAddressMap({ ...options, acceptAll: true });
    assert.equal(await told(addressMap, 'Any+x@Where.test'), 'Any+x@Where.test>any+x@where.test');
    assert.equal(
      await told(addressMap, 'postmaster'),
      'postmaster@example.org>postmaster@example.org',
    );
    assert.equal(await addressMap.accountOf('Any@Where.test'), 'any@where.test');
    assert.equal(await addressMap.accountOf('Root'), 'root@example.org');
  });

  it('finds the account of an address at delivery', async () => {
    assert.equal(await addressMap.accountOf('Second@example.org'), 'ann@example.org');
    assert.equal(await addressMap.accountOf('ann+lists@example.org'), 'ann@example.org');
    assert.equal(await addressMap.accountOf('nobody@example.org'), undefined);
  });

  it('without a delimiter a plus sign is a character like any other', async () => {
    const addressMap = createAddressMap({ ...options, recipientDelimiter: '' });
    assert.equal(await told(addressMap, 'ann+lists@example.org'), '550 5.1.1');
  });

  it('refuses an alias that stands for more recipients than one RCPT may', async () => {
    const many = (prefix: string) =>
      Array.from({ length: 6_000 }, (_, i) => `${prefix}${i}@elsewhere.example`);
    const aliases = new Map([
      ['a@example.org', [...many('x'), 'b@example.org']],
      ['b@example.org', many('y')],
    ]);
    assert.equal(
      await told(createAddressMap({ ...options, aliases }), 'a@example.org'),
      '550 5.5.3',
    );
    const exactly = (count: number) => {
      const targets = Array.from({ length: count }, (_, i) => `x${i}@elsewhere.example`);
      const addressMap = createAddressMap({
        ...options,
        aliases: new Map([['a@example.org', targets]]),
      });
      return told(addressMap, 'a@example.org');
    };
    assert.equal((await exactly(10_000)).split(' ').length, 10_000);
    assert.equal(await exactly(10_001), '550 5.5.3');
  });

  it('follows a chain of aliases only so far', async () => {
    const chain = (length: number) =>
      new Map(
        Array.from({ length }, (_, i): [string, string[]] => [
          `l${i}@example.org`,
          [i + 1 < length ? `l${i + 1}@example.org` : 'ann@example.org'],
        ]),
      );
    const first = async (length: number) =>
      told(createAddressMap({ ...options, aliases: chain(length) }), 'l0@example.org');
    assert.equal(await first(32), 'ann@example.org>ann@example.org<l0@example.org');
    assert.equal(await first(33), '550 5.4.6');
    assert.equal(await first(1_000), '550 5.4.6');
  });

  it('an alias may name any number of other aliases', async () => {
    const sides = Array.from({ length: 40 }, (_, i) => `side${i}@example.org`);
    const leaf = (i: number) => `x${i}@elsewhere.example`;
    const aliases = new Map<string, string[]>([['wide@example.org', sides]]);
    for (const [i, side] of sides.entries()) aliases.set(side, [leaf(i)]);
    assert.equal(
      await told(createAddressMap({ ...options, aliases }), 'wide@example.org'),
      sides.map((_, i) => `${leaf(i)}<wide@example.org`).join(' '),
    );
  });

  it('an alias in a domain that is not ours is none', async () => {
    const aliases = new Map([
      ['info@example.org', ['far@elsewhere.example']],
      ['far@elsewhere.example', ['ann@example.org']],
    ]);
    const addressMap = createAddressMap({ ...options, aliases });
    assert.equal(
      await told(addressMap, 'info@example.org'),
      'far@elsewhere.example<info@example.org',
    );
    assert.equal(await told(addressMap, 'far@elsewhere.example'), '550 5.7.1');
  });

  it('tells whose mail is delivered here', () => {
    for (const [domain, isOurs] of [
      ['EXAMPLE.org', true],
      ['x.lists.example.org', true],
      ['example.net', false],
      ['elsewhere.example', false],
      ['mx.example.org', false],
    ] as const) {
      assert.equal(addressMap.isOurs(domain), isOurs, domain);
      assert.ok(createAddressMap({ ...options, acceptAll: true }).isOurs(domain));
    }
  });

  it('follows each alias once, however many ways lead to it', async () => {
    const aliases = new Map<string, string[]>();
    for (let layer = 0; layer < 30; layer += 1)
      for (const side of ['a', 'b'])
        aliases.set(
          `${side}${layer}@example.org`,
          layer === 29
            ? ['ann@example.org']
            : [`a${layer + 1}@example.org`, `b${layer + 1}@example.org`],
        );
    const addressMap = createAddressMap({ ...options, aliases });
    const expected = 'ann@example.org>ann@example.org<a0@example.org';
    assert.equal(await told(addressMap, 'a0@example.org'), expected);
  });

  it('expansion ends, finds nobody twice, and finds all that can be reached', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'ann', 'bob', 'nobody'];
    const name = fc.constantFrom(...names);
    const table = fc.dictionary(name, fc.array(name, { maxLength: 5 }));
    const at = (local: string) => `${local}@example.org`;
    const property = fc.asyncProperty(table, name, async (aliases, start) => {
      const addressMap = createAddressMap({
        ...options,
        aliases: new Map(Object.entries(aliases).map(([key, to]) => [at(key), to.map(at)])),
        accounts: accountsOf('ann@example.org', 'bob@example.org'),
      });
      const resolution = await addressMap.resolve(parseMailbox(at(start))!, { mayRelay: false });
      const found = resolution.kind === 'accept' ? resolution.recipients.map((r) => r.account) : [];
      assert.equal(new Set(found).size, found.length);
      // An alias is followed; a name that is none, or names itself, is the account of that name.
      const reached = new Set<string>();
      const seen = new Set<string>();
      const walk = (local: string, from?: string) => {
        const targets = Object.hasOwn(aliases, local) ? aliases[local] : undefined;
        if (targets === undefined || local === from) {
          if (local === 'ann' || local === 'bob') reached.add(at(local));
        } else if (!seen.has(local)) {
          seen.add(local);
          for (const target of targets) walk(target, local);
        }
      };
      walk(start);
      assert.deepEqual(new Set(found), reached);
    });
    await fc.assert(property, { numRuns: 500 });
  });

  it('an address that stands for a sender leads back to it, before a catch-all does, after an account', async () => {
    const returnAddresses = {
      reverse: async (local: string) =>
        local === 'SRS0=good'
          ? ({ kind: 'sender', sender: { local: 'zoe', domain: 'third.example' } } as const)
          : local.startsWith('SRS0=')
            ? ({ kind: 'forged' } as const)
            : undefined,
      untagged: async () => undefined,
    };
    const accounts = accountsOf('ann@example.org', 'SRS0=own@example.org');
    const addressMap = createAddressMap({ ...options, accounts, returnAddresses });
    for (const [address, expected] of [
      ['SRS0=good@example.org', 'zoe@third.example<SRS0=good@example.org'],
      ['SRS0=good@catch.example', 'zoe@third.example<SRS0=good@catch.example'],
      ['SRS0=bad@catch.example', '550 5.1.1'],
      ['SRS0=own@example.org', 'SRS0=own@example.org>srs0=own@example.org'],
      ['SRS0=good@elsewhere.example', '550 5.7.1'],
    ] as const)
      assert.equal(await told(addressMap, address), expected, address);
  });

  it('what is told of a return address that leads nowhere says so, and one leads no further than one', async () => {
    const reverse = async (local: string) =>
      local === 'SRS0=loop'
        ? ({ kind: 'sender', sender: { local: 'SRS0=loop', domain: 'example.org' } } as const)
        : ({ kind: 'expired' } as const);
    const returnAddresses = { reverse, untagged: async () => undefined };
    const addressMap = createAddressMap({ ...options, returnAddresses });
    const said = async (local: string) => {
      const found = await addressMap.resolve({ local, domain: 'example.org' }, { mayRelay: false });
      return found.kind === 'refuse' ? formatReply(found.reply).trimEnd() : undefined;
    };
    assert.equal(
      await said('SRS0=old'),
      '550 5.1.1 This return address is not valid, or not any more',
    );
    assert.match((await said('SRS0=loop'))!, /^550 5\.4\.6 /);
  });

  it('an address with a tag is what it is without, before a catch-all; an expired or forged one is nobody', async () => {
    const clock = { now: () => 20_000 * 86_400_000 };
    const returnAddresses = new ReturnAddresses({ clock, secret: async () => Buffer.from('x') });
    const accounts = accountsOf('ann@example.org', 'x@catch.example');
    const addressMap = createAddressMap({ ...options, accounts, returnAddresses });
    const tagged = async (local: string, domain: string) =>
      formatMailbox((await returnAddresses.tagged({ local, domain }))!);
    const own = await tagged('ann', 'example.org');
    const plain = ['ann@example.org', 'ann+x@example.org', 'postmaster@example.org'] as const;
    for (const address of plain) {
      const { local, domain } = parseMailbox(address)!;
      assert.equal(
        await told(addressMap, await tagged(local, domain)),
        await told(addressMap, address),
      );
    }
    assert.equal(
      await told(addressMap, own.toUpperCase()),
      await told(addressMap, 'ANN@EXAMPLE.ORG'),
    );
    for (const [address, expected] of [
      [own.replace('=ann', '=bob'), '550 5.1.1'],
      ['prvs=0007aaaaaa=anybody@catch.example', '550 5.1.1'],
      [await tagged('ann', 'elsewhere.example'), '550 5.7.1'],
    ] as const)
      assert.equal(await told(addressMap, address), expected, address);
    clock.now = () => 20_008 * 86_400_000;
    assert.equal(await told(addressMap, own), '550 5.1.1');
  });
});

function recordingLog(): { log: Log; warnings: Fields[] } {
  const warnings: Fields[] = [];
  return { log: { ...silentLog, warn: (_event, fields = {}) => warnings.push(fields) }, warnings };
}
