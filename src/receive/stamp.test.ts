import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ClientFacts } from '../policy/envelope.ts';
import { stranger } from '../policy/test-arrival.ts';
import type { NewRecipient } from '../store/queue-store.ts';
import type { StampFacts } from './stamp.ts';
import { stamp } from './stamp.ts';

const client: ClientFacts = {
  ...stranger,
  remote: { address: '2001:db8::1', port: 40_000 },
};
const to = (address: string, original?: string): NewRecipient => ({
  address,
  params: [],
  delivery: 'local',
  destination: 'local',
  ...(original !== undefined && { original }),
});

function stamped(facts: Partial<StampFacts> = {}): string {
  return stamp({
    id: '1a2b',
    now: Date.UTC(2026, 0, 2, 3, 4, 5),
    hostname: 'mx.example.org',
    client,
    origin: { session: 's1', service: 'smtp', protocol: 'ESMTP' },
    recipients: [to('bob@example.org')],
    ...facts,
  });
}

const received = (middle = '', recipient = '\r\n\tfor <bob@example.org>') =>
  'Received: from client.test ([IPv6:2001:db8::1])\r\n' +
  `\tby mx.example.org with ESMTP${middle} id 1a2b${recipient};\r\n` +
  '\tFri, 2 Jan 2026 03:04:05 +0000\r\n';

describe('stamp', () => {
  it('RFC 5321 §4.4: Received says from whom, by whom, how, for whom and when', () => {
    assert.equal(stamped(), received());
  });

  it('RFC 5321 §7.6: says "for" of one recipient only', () => {
    const recipients = [to('bob@example.org'), to('eve@example.org')];
    assert.equal(stamped({ recipients }), received('', ''));
  });

  it('says "for" as RCPT named it, not what an alias made of it', () => {
    const recipients = [to('bob@internal.test', 'team@example.org')];
    assert.equal(stamped({ recipients }), received('', '\r\n\tfor <team@example.org>'));
  });

  it('RFC 8314 §4.3: names the cipher', () => {
    const tls = 'TLSv1.3 TLS_AES_128_GCM_SHA256';
    const origin = { session: 's1', service: 'smtp', protocol: 'ESMTPS', tls };
    assert.match(
      stamped({ origin }),
      /with ESMTPS \(TLSv1\.3\) id 1a2b\r\n\tfor <.*>\r\n\ttls TLS_/,
    );
  });

  it('what the client says of itself cannot add a line', () => {
    const lines = stamped({ client: { ...client, hello: 'x\r\nX-Evil: yes' } }).split('\r\n');
    assert.ok(lines.every((line) => line === '' || /^(Received:|\t)/.test(line)));
  });
});
