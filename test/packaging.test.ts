// What ships beside the program: the unit is one that Debian 12's systemd takes, and says what
// docs/operating.md and the exit statuses promise.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { resolveConfig } from '../src/config/resolve.ts';
import { run, without } from './interop/peers.ts';

const root = join(import.meta.dirname, '..');
const unit = readFileSync(join(root, 'packaging/postrider.service'), 'utf8');
const values = new Map(
  [...unit.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name!, value!]),
);
const directory = mkdtempSync(join(tmpdir(), 'postrider-unit-'));
after(() => rmSync(directory, { recursive: true }));

/** What `systemd-analyze verify` says of it, with a program that is there. */
async function verify(text: string): Promise<string> {
  const file = join(directory, 'postrider.service');
  const program = join(root, 'bin/postrider');
  writeFileSync(file, text.replace('/opt/postrider/node_modules/.bin/postrider', program));
  return run('systemd-analyze', ['verify', '--man=no', file]).then(
    ({ stderr }) => stderr,
    (error: { stderr: string }) => `failed: ${error.stderr}`,
  );
}

describe('the systemd unit', () => {
  it('is taken without a word', { skip: without('systemd-analyze') }, async () => {
    assert.equal(await verify(unit), '');
    assert.match(await verify(unit.replace('Type=notify', 'Type=notified')), /notified/);
  });

  it('does not try again when the configuration is wrong, and otherwise does', () => {
    assert.equal(values.get('RestartPreventExitStatus'), '2');
    assert.equal(values.get('Restart'), 'on-failure');
    assert.equal(values.get('StartLimitIntervalSec'), '0');
  });

  it('waits longer for the end than the server does', () => {
    const resolution = resolveConfig({ hostname: 'mx.example.org' }, '/');
    assert.ok(resolution.kind === 'ok');
    assert.ok(Number(values.get('TimeoutStopSec')) * 1000 > resolution.config.shutdownGrace);
  });

  it('makes the folders that docs/operating.md names', () => {
    const operating = readFileSync(join(root, 'docs/operating.md'), 'utf8');
    for (const [setting, folder] of [
      ['StateDirectory', '/var/lib/postrider'],
      ['ExecStart', '/opt/postrider'],
    ] as const) {
      assert.ok(values.get(setting)!.includes('postrider'));
      assert.ok(operating.includes(folder));
    }
    for (const file of ['postrider.service', 'postrider.sysusers', 'postrider.tmpfiles'])
      assert.ok(operating.includes(file), file);
  });
});
