import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveConfig } from './resolve.ts';

function advice(config: object): string[] {
  const { advice: found } = resolveConfig(
    { hostname: 'mx.example.org', domains: ['example.org'], tls: 'self-signed', ...config },
    '/',
  );
  return found.map(({ severity, path, message }) => `${severity} ${path}: ${message}`);
}

describe('advice on a configuration that can be read', () => {
  const right: object[] = [
    {},
    {
      trustedNetworks: [
        '127.0.0.1',
        '::1',
        '10.0.0.0/8',
        '192.168.0.0/16',
        'fc00::/7',
        '2001:db8::/32',
      ],
    },
    { trustedNetworks: ['198.51.100.0/24', '203.0.0.0/16'] },
    { hostname: 'localhost', listeners: [{ service: 'smtp', host: '127.0.0.1', port: 25 }] }
      .listeners,
    { relayDomains: ['example.net'], domains: [] },
    {
      listeners: [
        { service: 'smtp', port: 25 },
        { service: 'submission', port: 587 },
        { service: 'submission', port: 465, tls: 'implicit' },
        { service: 'imap', port: 143 },
        { service: 'imap', port: 993, tls: 'implicit' },
        { service: 'lmtp', host: '127.0.0.1', port: 24 },
      ],
    },
    { routes: [{ domain: 'a.example', host: '127.0.0.1', port: 2525 }] },
    { routes: [{ domain: '*', host: 'smarthost.example', port: 25 }] },
  ];
  for (const config of right)
    it(`has none: ${JSON.stringify(config).slice(0, 70)}`, () =>
      assert.deepEqual(advice(config), []));

  const wrong: [object, RegExp][] = [
    [
      { trustedNetworks: ['10.0.0.0/8', '0.0.0.0/0'] },
      /^failure trustedNetworks\[1\]: 0\.0\.0\.0\/0 is everybody/,
    ],
    [{ trustedNetworks: ['::/0'] }, /^failure trustedNetworks\[0\]: ::\/0 is everybody/],
    [{ trustedNetworks: ['::ffff:0:0/96'] }, /^failure .*: ::ffff:0:0\/96 is everybody/],
    [{ trustedNetworks: ['::ffff:192.0.0.0/100'] }, /^failure .* open relay/],
    [{ xclientNetworks: ['::ffff:0.0.0.0/96'] }, /^failure xclientNetworks\[0\]: .* is everybody/],
    [{ trustedNetworks: ['128.0.0.0/1'] }, /^failure .* open relay/],
    [{ trustedNetworks: ['10.0.0.0/7'] }, /^failure .* open relay/],
    [{ trustedNetworks: ['192.168.0.0/8'] }, /^warning .* very wide/],
    [{ trustedNetworks: ['fe80::/7'] }, /^failure .* open relay/],
    [{ trustedNetworks: ['2000::/3'] }, /^failure .* open relay/],
    [{ trustedNetworks: ['8.0.0.0/8'] }, /^warning .* very wide/],
    [{ trustedNetworks: ['2001:db8::/24'] }, /^warning .* very wide/],
    [
      { listeners: [{ service: 'smtp', port: 25, proxyProtocol: ['::1', '0.0.0.0/0'] }] },
      /^failure listeners\[0\]\.proxyProtocol\[1\]: 0\.0\.0\.0\/0 is everybody/,
    ],
    [{ xclientNetworks: ['::/0'] }, /^failure xclientNetworks\[0\]: ::\/0 is everybody/],
    [{ hostname: 'mail' }, /^failure hostname: mail is no full name/],
    [
      { hostname: 'mail', listeners: [{ service: 'smtp', host: '127.0.0.1', port: 25 }] },
      /^warning hostname: mail is no full name/,
    ],
    [{ hostname: 'mail.local' }, /^warning hostname: mail\.local .*only your own network/],
    [{ domains: [] }, /^failure domains: none, so no mail is taken at all/],
    [
      { domains: [], trustedNetworks: ['10.0.0.0/8'] },
      /^warning domains: none, so mail is only relayed/,
    ],
    [{ listeners: [{ service: 'submission', port: 587 }] }, /^warning listeners: none takes mail/],
    [
      {
        listeners: [
          { service: 'smtp', port: 25 },
          { service: 'imap', port: 993 },
        ],
      },
      /^failure listeners\[1\]\.tls: .*TLS from the first byte on port 993/,
    ],
    [
      { listeners: [{ service: 'smtp', port: 25, tls: 'implicit' }] },
      /^failure listeners\[0\]\.tls: clients begin in the clear on port 25/,
    ],
    [
      {
        listeners: [
          { service: 'smtp', port: 25 },
          { service: 'http', port: 8025, tls: 'none' },
        ],
      },
      /^warning listeners\[1\]\.tls: in the clear: only this machine/,
    ],
    [
      { listeners: [{ service: 'lmtp', port: 2424 }] },
      /^failure listeners\[0\]\.host: whoever reaches LMTP delivers unchecked/,
    ],
    [
      { listeners: [{ service: 'lmtp', host: '127.0.0.1', port: 25 }] },
      /^failure listeners\[0\]\.port: LMTP must not be on port 25/,
    ],
    [
      {
        routes: [
          { domain: 'a.example', via: 'mx' },
          { domain: 'A.example', via: 'discard' },
        ],
      },
      /^warning routes\[1\]\.domain: is never taken: routes\[0\]/,
    ],
    [
      { routes: [{ domain: '*', host: '127.0.0.1', port: 25 }] },
      /^failure routes\[0\]: leads back to this server, to listeners\[0\]/,
    ],
    [
      {
        listeners: [{ service: 'lmtp', path: '/run/x/lmtp' }],
        routes: [{ domain: '*', lmtp: '/run/x/lmtp' }],
      },
      /^failure routes\[0\]: leads back to this server/,
    ],
  ];
  for (const [config, expected] of wrong)
    it(`says ${expected.source.slice(0, 60)}`, () => {
      const [first, ...others] = advice(config);
      assert.match(first ?? 'nothing', expected);
      assert.deepEqual(others, []);
    });

  it('lists keep their positions beside what cannot be read', () => {
    const found = advice({ trustedNetworks: ['nonsense', '0.0.0.0/0'], listeners: [{}] });
    assert.equal(found.length, 1);
    assert.match(found[0]!, /^failure trustedNetworks\[1\]/);
  });
});
