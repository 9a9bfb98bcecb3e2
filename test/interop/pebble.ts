// Pebble, the ACME server that Let's Encrypt tests with, and the DNS that it asks (pebble-challtestsrv): every name has
// the address 127.0.0.1, and it wants an account that it knows. It refuses half of all nonces on purpose.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issueCertificate } from '../../src/net/certificate.ts';
import { freePorts } from '../ports.ts';
import { eventually } from '../process.ts';

export interface Pebble extends AsyncDisposable {
  readonly directory: string;
  /** PEM file: who has signed the certificate of its directory. */
  readonly authorities: string;
  readonly eab: { readonly kid: string; readonly keyFile: string };
  /** `Valid` or `Revoked`. */
  statusOf(serialNumber: string): Promise<string>;
  setTxt(name: string, value: string): Promise<void>;
  clearTxt(name: string): Promise<void>;
  log(): string;
}

const key = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W';

/** `httpPort` and `tlsPort` are where it looks for proofs. */
export async function startPebble(seen: {
  readonly httpPort: number;
  readonly tlsPort: number;
}): Promise<Pebble> {
  const home = mkdtempSync(join(tmpdir(), 'postrider-pebble-'));
  const file = (name: string, text: string) => {
    writeFileSync(join(home, name), text, { mode: 0o600 });
    return join(home, name);
  };
  const [port, managementPort, dnsPort, settingsPort] = await freePorts(4);
  const at = (each: number | undefined) => `127.0.0.1:${each}`;
  const made = issueCertificate({
    ...{ commonName: 'localhost', names: ['localhost', '127.0.0.1'] },
    ...{ notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) },
  });
  const authorities = file('cert.pem', made.certificate);
  const config = {
    pebble: {
      listenAddress: at(port),
      managementListenAddress: at(managementPort),
      certificate: authorities,
      privateKey: file('key.pem', made.privateKeyPem),
      ...seen,
      ocspResponderURL: '',
      externalAccountBindingRequired: true,
      externalAccountMACKeys: { 'kid-1': key },
    },
  };
  const said: string[] = [];
  const run = (program: string, ...args: string[]) => {
    const env = { ...process.env, PEBBLE_WFE_NONCEREJECT: '50', PEBBLE_VA_NOSLEEP: '1' };
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => void said.push(String(text)));
    return child;
  };
  const children = [
    run(
      'pebble-challtestsrv',
      ...['-dns01', at(dnsPort), '-management', at(settingsPort), '-defaultIPv6', ''],
      ...['-http01', '', '-https01', '', '-tlsalpn01', ''],
    ),
    run(
      'pebble',
      '-config',
      file('config.json', JSON.stringify(config)),
      '-dnsserver',
      at(dnsPort),
    ),
  ];
  const set = async (path: string, body: object) => {
    const url = `http://${at(settingsPort)}/${path}`;
    await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  };
  const isUp = (each: number) =>
    new Promise<boolean>((resolve) => {
      const socket = connect(each, '127.0.0.1', () => resolve(true)).on('error', () =>
        resolve(false),
      );
      socket.on('connect', () => socket.destroy());
    });
  for (const each of [port!, settingsPort!])
    await eventually(async () => (await isUp(each)) || undefined, 'Pebble');
  return {
    directory: `https://${at(port)}/dir`,
    authorities,
    eab: { kid: 'kid-1', keyFile: file('eab.key', key) },
    statusOf: (serialNumber) => statusAt(at(managementPort), authorities, serialNumber),
    setTxt: (name, value) => set('set-txt', { host: `${name}.`, value }),
    clearTxt: (name) => set('clear-txt', { host: `${name}.` }),
    log: () => said.join(''),
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill();
      await Promise.all(children.map((child) => child.exitCode ?? once(child, 'exit')));
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** As its management interface tells it. */
async function statusAt(place: string, authorities: string, serial: string): Promise<string> {
  const [host, port] = place.split(':');
  const path = `/cert-status-by-serial/${serial.toLowerCase()}`;
  const asked = get({ host, port, path, ca: readFileSync(authorities), servername: 'localhost' });
  const [response] = await once(asked, 'response');
  const chunks = await Array.fromAsync(response as AsyncIterable<Buffer>);
  return JSON.parse(Buffer.concat(chunks).toString()).Status;
}
