import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { dkimDnsFindings } from '../compose/published/dkim.ts';
import { FakeResolver } from '../dns/fake-resolver.ts';
import { activateKeys, createKeys, keyDirectory, readIndex, recordOf } from '../trust/dkim-keys.ts';
import type { CommandResult } from './test-command.ts';
import { runCommand } from './test-command.ts';

interface Home {
  readonly run: (line: string) => Promise<CommandResult>;
  readonly dkim: string;
}

function home(t: TestContext): Home {
  const cwd = mkdtempSync(join(tmpdir(), 'postrider-dkim-'));
  t.after(() => rmSync(cwd, { recursive: true, force: true }));
  writeFileSync(
    join(cwd, 'postrider.config.json'),
    JSON.stringify({
      hostname: 'mx.example.org',
      domains: ['example.org', '.example.org', 'bücher.example'],
      listeners: [{ service: 'smtp', host: '127.0.0.1', port: 0 }],
    }),
  );
  const run = (line: string) => runCommand(cwd, line);
  return { run, dkim: keyDirectory(join(cwd, 'postrider-data')) };
}

const day = /^[re]\d{8}$/;
const statesOf = (dkim: string) =>
  readIndex(dkim).map(({ selector, state }) => `${selector.replace(/\d{8}/, '')} ${state}`);

describe('dkim', () => {
  it('create makes both keys, for nobody else to read, and prints their records', async (t) => {
    const { run, dkim } = home(t);
    const { status, out } = await run('dkim create Example.ORG');
    assert.equal(status, 0);
    const lines = out.split('\n').filter((line) => line !== '' && !line.startsWith(';'));
    assert.equal(lines.length, 2);
    assert.match(lines[0]!, /^r\d{8}\._domainkey\.example\.org\. +IN TXT +"v=DKIM1; k=rsa; p=/);
    assert.match(lines[1]!, /^e\d{8}\._domainkey\.example\.org\. +IN TXT +"v=DKIM1; k=ed25519; p=/);
    // RFC 1035 §3.3: character strings of at most 255 octets.
    for (const [, text] of out.matchAll(/"([^"]*)"/g)) assert.ok(text!.length <= 255);
    for (const entry of readIndex(dkim)) {
      assert.match(entry.selector, day);
      assert.equal(statSync(join(dkim, entry.domain)).mode & 0o777, 0o700);
      assert.equal(statSync(join(dkim, entry.domain, `${entry.selector}.pem`)).mode & 0o777, 0o600);
    }
    assert.match((await run('dkim create example.org')).err, /example\.org has keys already/);
    assert.ok(!existsSync(join(dkim, 'keys.json.new')));
  });

  it('record --json is an array of name, type and value', async (t) => {
    const { run } = home(t);
    await run('dkim create');
    const { out } = await run('dkim record bücher.example --json');
    const records = JSON.parse(out) as Record<string, string>[];
    assert.deepEqual(records.map(Object.keys), [
      ['name', 'type', 'value'],
      ['name', 'type', 'value'],
    ]);
    assert.match(records[0]!.name!, /^r\d{8}\._domainkey\.xn--bcher-kva\.example$/);
    assert.match(records[1]!.value!, /^v=DKIM1; k=ed25519; p=[A-Za-z0-9+/]{43}=$/);
    const all = await run('dkim list --json');
    assert.equal(all.out.trim().split('\n').length, 4);
  });

  it('rotate makes next keys, and lets them sign when it is called again', async (t) => {
    const { run, dkim } = home(t);
    await run('dkim create example.org');
    assert.match((await run('dkim rotate --activate')).err, /example\.org has no next keys/);
    assert.match((await run('dkim rotate')).out, /^r\d{8}b\._domainkey\.example\.org/m);
    assert.deepEqual(statesOf(dkim), ['r active', 'e active', 'rb next', 'eb next']);
    assert.equal((await run('dkim rotate example.org')).status, 0);
    assert.deepEqual(statesOf(dkim), ['r retired', 'e retired', 'rb active', 'eb active']);
    const { out } = await run('dkim list');
    assert.match(out, /^example\.org +r\d{8} +rsa +retired +\d{4}-\d\d-\d\d \d\d:\d\d$/m);
  });

  it('rotate --activate is of the domains that have next keys', async (t) => {
    const { run, dkim } = home(t);
    for (const domain of ['example.org', 'bücher.example', 'example.net'])
      await run(`dkim create ${domain}`);
    await run('dkim rotate example.org');
    await run('dkim rotate example.net');
    assert.equal((await run('dkim rotate --activate')).status, 0);
    const active = readIndex(dkim).filter(({ state }) => state === 'active');
    assert.deepEqual(
      active.map(({ domain, selector }) => `${domain} ${selector.replace(/\d{8}/, '')}`),
      [
        ...['xn--bcher-kva.example r', 'xn--bcher-kva.example e'],
        ...['example.org rb', 'example.org eb', 'example.net rb', 'example.net eb'],
      ],
    );
    assert.match((await run('dkim rotate --activate')).err, /has no next keys/);
  });

  it('keys that were retired long ago are deleted when others are activated', async (t) => {
    const { dkim } = home(t);
    const domain = 'example.org';
    const at = (text: string) => new Date(`${text}T00:00:00Z`);
    createKeys(dkim, { domain, state: 'active', now: at('2026-01-01') });
    for (const [made, activated] of [
      ['2026-02-01', '2026-02-02'],
      ['2026-02-20', '2026-02-21'],
      ['2026-03-20', '2026-03-21'],
    ] as const) {
      createKeys(dkim, { domain, state: 'next', now: at(made) });
      activateKeys(dkim, { domain, now: at(activated) });
    }
    assert.deepEqual(
      readIndex(dkim).map(({ selector, state }) => `${selector} ${state}`),
      [
        ...['r20260201 retired', 'e20260201 retired', 'r20260220 retired', 'e20260220 retired'],
        ...['r20260320 active', 'e20260320 active'],
      ],
    );
    assert.ok(!existsSync(join(dkim, domain, 'r20260101.pem')));
    assert.ok(existsSync(join(dkim, domain, 'r20260201.pem')));
  });

  const wrong: [line: string, status: number, err: RegExp][] = [
    ['dkim create ../..', 2, /'\.\.\/\.\.' is not a domain like example\.org/],
    [
      'dkim record example.net',
      1,
      /there are no keys of example\.net; see `postrider dkim create`/,
    ],
    ['dkim rotate', 1, /there are no keys; see/],
  ];
  for (const [line, expected, message] of wrong)
    it(`says no: ${line}`, async (t) => {
      const { run, dkim } = home(t);
      const { status, err } = await run(line);
      assert.equal(status, expected);
      assert.match(err, message);
      assert.ok(!existsSync(dkim));
    });

  it('a command that was cut off is told of, and changes nothing', async (t) => {
    const { run, dkim } = home(t);
    await run('dkim create example.org');
    writeFileSync(join(dkim, 'keys.json.new'), '');
    const before = readFileSync(join(dkim, 'keys.json'), 'utf8');
    assert.match((await run('dkim rotate')).err, /was cut off: delete .*keys\.json\.new/);
    assert.equal(readFileSync(join(dkim, 'keys.json'), 'utf8'), before);
  });

  it('check --dns compares what is published', async (t) => {
    const { run, dkim } = home(t);
    await run('dkim create example.org');
    await run('dkim rotate example.org');
    const [rsa, ed25519, nextRsa] = readIndex(dkim).map((entry) => recordOf(dkim, entry));
    const resolver = new FakeResolver({
      [rsa!.name]: { TXT: [rsa!.value] },
      [ed25519!.name]: { TXT: [rsa!.value] },
      [nextRsa!.name]: { fails: 'servfail' },
    });
    const config = { dkim: { verify: true, sign: true }, dataDirectory: join(dkim, '..') };
    const findings = await dkimDnsFindings(config, resolver);
    assert.deepEqual(
      findings.map(({ state, text }) => `${state} ${text.replace(/\d{8}/, '').split(/[:(]/)[0]}`),
      [
        'ok r._domainkey.example.org is published',
        'failure e._domainkey.example.org has another record',
        'warning rb._domainkey.example.org cannot be looked up now ',
        'warning eb._domainkey.example.org is not published',
      ],
    );
  });

  it('RFC 6376 §3.6.2.2: check --dns tells of a key with another record beside it', async (t) => {
    const { run, dkim } = home(t);
    await run('dkim create example.org');
    const [rsa, ed25519] = readIndex(dkim).map((entry) => recordOf(dkim, entry));
    const resolver = new FakeResolver({
      [rsa!.name]: { TXT: [rsa!.value, ed25519!.value] },
      [ed25519!.name]: { TXT: ['v=spf1 -all', ed25519!.value] },
    });
    const config = { dkim: { verify: true, sign: true }, dataDirectory: join(dkim, '..') };
    const findings = await dkimDnsFindings(config, resolver);
    assert.deepEqual(
      findings.map(({ state }) => state),
      ['failure', 'failure'],
    );
    assert.match(findings[0]!.text, /has 2 records, of which receivers may take any: leave one/);
  });

  it('check tells of keys that cannot be read', async (t) => {
    const { run, dkim } = home(t);
    await run('dkim create example.org');
    assert.match((await run('check')).out, /ok +dkim\.sign: mail of example\.org is signed/);
    const [rsa] = readIndex(dkim);
    writeFileSync(join(dkim, 'example.org', `${rsa!.selector}.pem`), 'nonsense');
    assert.match(
      (await run('check')).out,
      /failure +dkim\.sign: .*\.pem cannot be read \(it is no private key\): mail of example\.org waits/,
    );
    writeFileSync(join(dkim, 'keys.json'), '{');
    assert.match(
      (await run('check')).out,
      /failure +dkim\.sign: .*keys\.json is damaged: mail waits/,
    );
  });
});
