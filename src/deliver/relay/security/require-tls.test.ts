import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reply } from '../../../smtp/reply.ts';
import { memoryContent } from '../../../store/content.ts';
import type { HopHost } from '../host-walk.ts';
import type { HopMessage } from '../next-hop.ts';
import type { RelayRoute } from '../relay-route.ts';
import { asWished, waivesTls, waivesTlsInMemory, wishOf } from './require-tls.ts';

const mx: RelayRoute = { kind: 'mx', domain: 'example.net' };
const tlsa = { type: 'tlsa', strings: [] } as const;
const sts = { type: 'sts', strings: [] } as const;

const message = (params: readonly string[], header = '', sender = 'ann@example.org') =>
  ({
    ...{ sender, params },
    content: memoryContent(Buffer.from(`${header}Subject: x\r\n\r\nTLS-Required: No\r\n`)),
  }) as unknown as HopMessage;
const required = message(['REQUIRETLS']);

function host(changes: object = {}, signed = true): HopHost {
  return {
    ...{ name: 'mx.example.net', initialName: 'mx.example.net', canonicalName: 'mx.example.net' },
    ...{ addresses: ['192.0.2.1'], domains: ['example.net'] },
    authenticity: { name: signed, addresses: signed },
    security: { kind: 'opportunistic' },
    ...changes,
  } as unknown as HopHost;
}

const wished = (one: HopHost, of: HopMessage, route: RelayRoute = mx) => {
  const [host] = asWished([one], of, route);
  return { said: host?.barred?.reply.lines[0] ?? host?.security?.kind, host: host! };
};

describe('RFC 8689 §4.2.1: a message with REQUIRETLS', () => {
  it('asks nothing of delivery under our roof, nor where it is a report', () => {
    assert.equal(wishOf(required, mx), 'required');
    assert.equal(wishOf(message([]), mx), 'none');
    assert.equal(wishOf(message(['REQUIRETLS'], '', ''), mx), 'none', 'a report');
    assert.equal(wishOf(required, { kind: 'lmtp', host: 'store', port: 24 }), 'none');
  });

  it('goes to a host whose name is signed, or that an enforced policy names, with its certificate', async () => {
    const signed = wished(host(), required);
    assert.deepEqual(signed.host.security, { kind: 'names', names: ['mx.example.net'] });
    const names = { kind: 'names', names: ['mx.example.net'] };
    const enforced = host({ tlsPolicies: [sts], security: names }, false);
    assert.equal(wished(enforced, required).host, enforced);
    const dane = host({ tlsPolicies: [tlsa], security: { kind: 'tlsa' } });
    assert.equal(wished(dane, required).host, dane);
  });

  it('gets no host that nobody vouches for, that has no TLS, or that was barred already', async () => {
    const unsigned =
      /neither DNSSEC nor MTA-STS says that mx\.example\.net is a host of example\.net/;
    assert.match(String(wished(host({}, false), required).said), unsigned);
    const names = { kind: 'names', names: ['mx.example.net'] };
    const testing = { tlsPolicies: [sts], security: names, tested: { allowed: true } };
    assert.match(String(wished(host(testing, false), required).said), unsigned);
    const operators = host({ security: names }, false);
    assert.match(String(wished(operators, required).said), unsigned);
    const other = host({ tlsPolicies: [sts] }, false);
    assert.match(String(wished(other, required).said), unsigned);
    const none = host({ security: { kind: 'none' } });
    assert.match(String(wished(none, required).said), /has no TLS/);
    const barred = host({ security: undefined, barred: { reply: reply(451, '4.3', 'Later') } });
    assert.equal(wished(barred, required).host, barred);
    const route: RelayRoute = { kind: 'host', host: 'mx.example.net', port: 25, tls: 'require' };
    assert.match(
      String(wished(host({}, false), required, route).said),
      /is a host of mx\.example\.net$/,
    );
  });
});

describe('RFC 8689 §4.2.2: a message that says TLS-Required: No', () => {
  it('says it once, in its header, and asks not for the contrary', async () => {
    for (const [what, says, one] of [
      ['once', true, message([], 'TLS-Required: no\r\n')],
      ['in the body', false, message([])],
      ['something else', false, message([], 'TLS-Required: yes\r\n')],
      ['twice', false, message([], 'TLS-Required: No\r\nTLS-Required: No\r\n')],
      ['and the contrary', false, message(['REQUIRETLS'], 'TLS-Required: No\r\n', '')],
    ] as const)
      assert.deepEqual([await waivesTls(one), waivesTlsInMemory(one)], [says, says], what);
  });

  it('is read in pieces as far as its header goes, and no further than 256 KiB', async () => {
    let read = 0;
    const inPieces = (pieces: readonly string[]) =>
      ({
        ...{ sender: 'ann@example.org', params: [] },
        content: {
          async *read() {
            for (const piece of pieces) {
              read += 1;
              yield Buffer.from(piece);
            }
          },
        },
      }) as unknown as HopMessage;
    const two = inPieces(['TLS-Requ', 'ired: No\r\n\r\n', 'body']);
    assert.deepEqual([await waivesTls(two), read], [true, 2]);
    read = 0;
    const long = `X: ${'x'.repeat(2 ** 17)}\r\n`;
    const endless = inPieces([long, long, long, 'TLS-Required: No\r\n\r\n']);
    assert.deepEqual([await waivesTls(endless), read], [false, 2]);
  });
});
