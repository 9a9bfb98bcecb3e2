// Postrider judging strangers or signing for its own, for the benchmark's adapters/: see README.md beside this file.

import { execFileSync } from 'node:child_process';
import { openSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { waitPort } from '../lib/load.mjs';
import { domain, modes as modesOf, startDns, writeMessage } from './trust.mjs';

const bin = join(resolve(process.env.POSTRIDER ?? '.'), 'bin/postrider');
export const name = 'postrider-trust';
export const version = () =>
  `Postrider ${execFileSync(bin, ['--version'], { encoding: 'utf8' }).trim()}`;
export const modes = modesOf('Postrider');

export async function start({ group, dir, port, sinkPort, maxSessions, mode }) {
  const dns = await startDns(group, { dir, port: port + 200, waitPort });
  const config = join(dir, 'postrider.config.json');
  const strangers = { relayDomains: ['dest.example'] };
  const ours = { trustedNetworks: ['127.0.0.1/32'] };
  writeFileSync(
    config,
    JSON.stringify({
      hostname: 'postrider.bench.example',
      dataDirectory: join(dir, 'data'),
      domains: [mode === 'verify' ? 'local.bench.example' : domain],
      ...(mode === 'verify' ? strangers : ours),
      dns: { servers: [dns.server] },
      listeners: [{ service: 'smtp', host: '127.0.0.1', port }],
      routes: [{ domain: '*', host: '127.0.0.1', port: sinkPort, tls: 'none' }],
      queue: { connectionsPerDestination: 50 },
      limits: { connections: 20_000, connectionsPerClient: Math.max(20_000, maxSessions) },
    }),
  );
  // An RSA and an ed25519 key: two signatures for each message.
  if (mode === 'sign')
    execFileSync(bin, ['dkim', 'create', domain, '--config', config], { stdio: 'ignore' });
  writeMessage({
    size: 1024,
    key: mode === 'verify' ? dns.key : undefined,
  });
  const log = join(dir, 'log');
  const child = group.spawn(bin, ['serve', '--config', config], {
    stdio: ['ignore', 'pipe', openSync(log, 'a')],
    cwd: dir,
  });
  await new Promise((ready, failed) => {
    let out = '';
    child.stdout.on('data', (data) => {
      out += data;
      if (/^ready$/m.test(out)) ready();
    });
    child.on('exit', (code) => failed(new Error(`ended with ${code}; see ${log}`)));
  });
  return { log, stop: () => group.stop() };
}
