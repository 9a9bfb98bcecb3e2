import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { ownStsPolicy } from '../../config/own-sts-policy.ts';
import { resolveConfig } from '../../config/resolve.ts';
import { FakeResolver } from '../../dns/fake-resolver.ts';
import { issueCertificate } from '../../net/certificate.ts';
import { formatStsRecord } from '../../trust/mta-sts.ts';
import { stsFindings } from './sts.ts';

const hourMs = 3_600_000;
const certificate = issueCertificate({
  ...{ commonName: 'Policies', names: ['mta-sts.example.org'] },
  ...{ notBefore: new Date(Date.now() - hourMs), notAfter: new Date(Date.now() + hourMs) },
});
let policy = '';
const server = createServer(
  { cert: certificate.certificate, key: certificate.privateKeyPem },
  (request, response) =>
    request.url === '/.well-known/mta-sts.txt' && policy !== ''
      ? response.writeHead(200, { 'content-type': 'text/plain' }).end(policy)
      : response.writeHead(404).end(),
);
before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => {
  server.closeAllConnections();
  server.close();
});

function configOf(input: object = {}) {
  const resolution = resolveConfig(
    { hostname: 'mx.example.org', domains: ['example.org', '.example.net'], ...input },
    '/nowhere',
  );
  assert.equal(resolution.kind, 'ok');
  return (resolution as Extract<typeof resolution, { kind: 'ok' }>).config;
}

/** What is said when `_mta-sts` has this, and the policy host that. */
async function said(config: ReturnType<typeof configOf>, record: string, served: string) {
  policy = served;
  const resolver = new FakeResolver({
    '_mta-sts.example.org': record === 'fails' ? { fails: 'servfail' } : { TXT: [record] },
  });
  const { port } = server.address() as AddressInfo;
  const request = {
    connectTo: { host: '127.0.0.1', port },
    tls: { ca: certificate.certificate },
  };
  const [finding, ...more] = await stsFindings(config, resolver, request);
  assert.deepEqual(more, []);
  return `${finding?.state} ${finding?.text}`;
}

describe('check --dns: our MTA-STS policy', () => {
  const config = configOf();
  const ours = ownStsPolicy(config);
  const record = formatStsRecord(ours);

  it('RFC 8461 §3: found as others find it', async () => {
    assert.match(await said(config, record, ours), /^ok .*mode testing; when reports look right/);
    const enforced = configOf({ mtaSts: { mode: 'enforce', maxAge: '30d', mx: ['.example.org'] } });
    const text = ownStsPolicy(enforced);
    assert.equal(
      text,
      'version: STSv1\r\nmode: enforce\r\nmx: *.example.org\r\nmax_age: 2592000\r\n',
    );
    assert.match(await said(enforced, formatStsRecord(text), text), /^ok .*mode enforce$/);
  });

  it('what is wrong is said, with the record to publish', async () => {
    const http = configOf({ listeners: [{ service: 'http', port: 443 }] });
    const cases: readonly (readonly [typeof config, string, string, RegExp])[] = [
      [config, 'v=spf1', ours, /^warning .*add a listener .*"v=STSv1; id=\w{20};"/],
      [http, 'v=spf1', ours, /^warning .*publish `"v=STSv1; id=\w{20};"`, with mta-sts\.example/],
      [config, 'v=STSv1', ours, /^failure .*no record that others can read/],
      [config, record, '', /^failure .*of no use to others: the answer is 404/],
      [config, record, 'nonsense', /^failure .*of no use to others: line 1/],
      [config, 'v=STSv1; id=old;', ours, /^failure .*id of another policy.*id=\w{20};/],
      [config, record, ours.replace('testing', 'enforce'), /^warning .*not the policy of this/],
      [config, 'fails', ours, /^failure .*no answer now/],
    ];
    for (const [of, published, served, expected] of cases)
      assert.match(await said(of, published, served), expected);
  });
});
