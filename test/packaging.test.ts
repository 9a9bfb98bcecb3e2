// What ships beside the program: the unit is one that Debian 12's systemd takes, and says what
// docs/operating.md and the exit statuses promise.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parse } from 'yaml';
import { createMetrics } from '../src/compose/metrics.ts';
import { resolveConfig } from '../src/config/resolve.ts';
import { metricsText } from '../src/web/metrics-text.ts';
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

describe('the dashboard and the alerts', () => {
  const dashboard = readFileSync(join(root, 'packaging/grafana-dashboard.json'), 'utf8');
  const alerts = readFileSync(join(root, 'packaging/prometheus-alerts.yml'), 'utf8');

  it('name only metrics that there are', () => {
    const metrics = createMetrics();
    metrics.readQueue({ facts: {} } as never);
    metrics.readCertificates({ expires: undefined });
    const known = new Set(
      [...metricsText(metrics.snapshot()).matchAll(/^(postrider_\w+)/gm)].map(([, name]) => name!),
    );
    for (const text of [dashboard, alerts]) {
      const named = new Set(text.match(/\bpostrider_\w+/g));
      assert.ok(named.size > 8);
      assert.deepEqual(
        [...named].filter((name) => !known.has(name)),
        [],
      );
    }
  });

  it('are alerts to Prometheus, too', { skip: without('usr/bin/promtool') }, async () => {
    await run('promtool', ['check', 'rules', join(root, 'packaging/prometheus-alerts.yml')]);
  });

  it('say what is wrong and what to do; panels do not overlap', () => {
    const { groups } = parse(alerts) as Alerts;
    for (const { alert, annotations, expr } of groups.flatMap(({ rules }) => rules)) {
      assert.match(alert, /^Postrider[A-Z]/);
      assert.ok(expr && annotations.summary && annotations.description, alert);
    }
    const { panels } = JSON.parse(dashboard) as Dashboard;
    const taken = new Set<string>();
    for (const { title, gridPos: at } of panels)
      for (let x = at.x; x < at.x + at.w; x += 1)
        for (let y = at.y; y < at.y + at.h; y += 1) {
          assert.ok(x < 24 && !taken.has(`${x} ${y}`), title);
          taken.add(`${x} ${y}`);
        }
  });
});

interface Alerts {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly annotations: { readonly summary: string; readonly description: string };
    }[];
  }[];
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly gridPos: {
      readonly x: number;
      readonly y: number;
      readonly w: number;
      readonly h: number;
    };
  }[];
}
