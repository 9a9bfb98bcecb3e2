// Postfix with OpenDKIM as its milter, for the benchmark's adapters/: see README.md beside this file.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitPort } from '../lib/load.mjs';
import * as postfix from './postfix.mjs';
import { domain, makeKey, modes as modesOf, selector, writeMessage } from './trust.mjs';

export const name = 'postfix-opendkim';
export const version = () => `${postfix.version()} with OpenDKIM`;
export const modes = modesOf('Postfix with OpenDKIM');

export async function start(options) {
  const { group, dir, port, mode } = options;
  const key = makeKey();
  const milterPort = port + 201;
  const own = join(dir, 'opendkim');
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, 'internal'), mode === 'sign' ? '127.0.0.1\n' : '192.0.2.1\n');
  // It asks no DNS at all: a cache could not be warmer.
  writeFileSync(join(own, 'dns'), `${selector}._domainkey.${domain} ${key.text}\n`);
  writeFileSync(
    join(own, 'opendkim.conf'),
    `Mode sv
Socket inet:${milterPort}@127.0.0.1
Domain ${domain}
Selector ${selector}
KeyFile ${key.file}
RequireSafeKeys no
Canonicalization relaxed/relaxed
InternalHosts ${join(own, 'internal')}
TestDNSData file:${join(own, 'dns')}
OversignHeaders From
AlwaysAddARHeader yes
Syslog no
`,
  );
  group.spawn('opendkim', ['-f', '-x', join(own, 'opendkim.conf')], { stdio: 'ignore' });
  await waitPort(milterPort, 15_000, false);
  const started = await postfix.start({ ...options, mode: 'relay' });
  const set = [`smtpd_milters=inet:127.0.0.1:${milterPort}`, 'milter_default_action=tempfail'];
  execFileSync('postconf', ['-c', join(dir, 'conf'), '-e', ...set]);
  execFileSync('postfix', ['-c', join(dir, 'conf'), 'reload'], { stdio: 'ignore' });
  writeMessage({
    size: 1024,
    key: mode === 'verify' ? key.file : undefined,
  });
  return started;
}
