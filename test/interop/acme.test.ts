// Certificates from Pebble: each way to show that a name is ours (RFC 8555 §8, RFC 8737), with nonces refused at random and
// requests that it understands (RFC 2986); several certificates, chosen by SNI; renewal while the server runs.

import assert from 'node:assert/strict';
import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { connect } from 'node:tls';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { startServer } from '../../src/compose/server.ts';
import type { ConfigInput } from '../../src/config/config.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { openSqliteStores } from '../../src/store/sqlite/stores.ts';
import { freePorts } from '../ports.ts';
import { eventually } from '../process.ts';
import { startPebble } from './pebble.ts';
import { without } from './peers.ts';

const root = mkdtempSync(join(tmpdir(), 'postrider-acme-'));
after(() => rmSync(root, { recursive: true, force: true }));

const names = ['mx.example.org', ['imap.example.net', 'pop.example.net']] as const;

/** What a client sees that asks for the name. */
async function presented(port: number, servername: string): Promise<X509Certificate> {
  const socket = connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const certificate = socket.getPeerX509Certificate()!;
  socket.destroy();
  return certificate;
}

const isPebbles = ({ issuer }: X509Certificate): boolean => issuer.includes('Pebble');

describe('ACME with Pebble', { skip: without('pebble', 'pebble-challtestsrv') }, () => {
  for (const challenge of ['http-01', 'tls-alpn-01', 'dns-01'] as const)
    it(`${challenge}: a certificate for each list of names, and a new one in its place`, async () => {
      const [httpPort = 0, tlsPort = 0] = await freePorts(2);
      await using pebble = await startPebble({ httpPort, tlsPort });
      const changes: string[] = [];
      const resolution = resolveConfig(
        {
          dataDirectory: join(root, challenge),
          hostname: 'mx.example.org',
          domains: ['example.org'],
          listeners: [
            { service: 'imap', host: '127.0.0.1', port: tlsPort, tls: 'implicit' },
            { service: 'http', host: '127.0.0.1', port: httpPort, tls: 'none' },
          ],
          tls: {
            acme: {
              ...{ directory: pebble.directory, authorities: pebble.authorities, eab: pebble.eab },
              ...{ contact: 'postmaster@example.org', termsAgreed: true, challenge },
              names: names.map((one) => (typeof one === 'string' ? one : [...one])),
              dns: async ({ action, name, value }) => {
                changes.push(`${action} ${name}`);
                if (action === 'add') await pebble.setTxt(name, value);
                else await pebble.clearTxt(name);
              },
              dnsWait: '0s',
            },
          },
        } satisfies ConfigInput,
        root,
      );
      assert.equal(resolution.kind, 'ok', JSON.stringify(resolution));
      const { config } = resolution as Extract<typeof resolution, { kind: 'ok' }>;
      const clock = systemClock();
      const stores = await openSqliteStores({ directory: ':memory:', log: silentLog, clock });
      const lines: string[] = [];
      const note = (event: string, fields?: object) =>
        void lines.push(`${event} ${JSON.stringify(fields)}`);
      const log = { debug: () => {}, info: note, warn: note, error: note };
      await using server = await startServer({ config, log, stores, relayIn: 'same-thread' });
      const obtained = (servername: string, isRight: (found: X509Certificate) => boolean) =>
        eventually(async () => {
          const found = await presented(tlsPort, servername);
          return isPebbles(found) && isRight(found) ? found : undefined;
        }, `a certificate for ${servername}`).catch((error: Error) => {
          throw new Error(`${error.message}\n${lines.join('\n')}\n${pebble.log()}`);
        });
      const first = await obtained(
        'mx.example.org',
        (found) => found.subjectAltName === 'DNS:mx.example.org',
      );
      const second = await obtained('pop.example.net', ({ subjectAltName = '' }) =>
        /DNS:imap\.example\.net.*DNS:pop\.example\.net/.test(subjectAltName),
      );
      assert.match(lines[0]!, /^self-signed until there is a certificate /);
      assert.equal(changes.length, challenge === 'dns-01' ? 6 : 0);
      // Nothing is obtained before it is time; then it is, with the same key.
      const record = await stores.records.get('acme-certificate', 'mx.example.org');
      const kept = JSON.parse(record!.value);
      await stores.records.put([{ ...record!, value: JSON.stringify({ ...kept, renewAt: 0 }) }]);
      await server.reload(config);
      const renewed = await obtained(
        'mx.example.org',
        (found) => found.serialNumber !== first.serialNumber,
      );
      assert.deepEqual(renewed.publicKey, first.publicKey);
      // Pebble knows the serial number by which it revoked.
      const revoking = { name: 'mx.example.org', reason: 'keyCompromise' } as const;
      const { names: revoked } = await server.operations.certificateRevoke(revoking);
      assert.deepEqual(revoked, ['mx.example.org']);
      assert.equal(await pebble.statusOf(renewed.serialNumber), 'Revoked');
      const rekeyed = await obtained(
        'mx.example.org',
        (found) => found.serialNumber !== renewed.serialNumber,
      );
      assert.equal(rekeyed.publicKey.equals(renewed.publicKey), false);
      const other = await presented(tlsPort, 'imap.example.net');
      assert.equal(other.serialNumber, second.serialNumber);
    });
});
