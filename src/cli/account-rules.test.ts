import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { runCommand } from './test-command.ts';

const cwd = mkdtempSync(join(tmpdir(), 'postrider-rules-'));
after(() => rmSync(cwd, { recursive: true }));
writeFileSync(
  join(cwd, 'postrider.config.json'),
  JSON.stringify({ hostname: 'mx.example.org', domains: ['example.org'] }),
);
const run = (line: string, input = '') => runCommand(cwd, line, { input });

it('account rules: are set from a file or stdin, told, and taken away', async () => {
  await run('account add ann@example.org --password-stdin', 'correct horse battery\n');
  assert.match((await run('account rules list ann@example.org')).err, /has no rules/);
  const rules = {
    forward: { to: ['ann@elsewhere.example'] },
    vacation: { text: 'Away', until: '2026-12-27' },
    filters: [
      {
        name: 'lists',
        when: { header: { name: 'List-Id' }, size: { over: 1000 } },
        do: { folder: 'Lists/Dev', markRead: true },
        stop: true,
      },
      { name: 'boss', when: { from: 'boss@' }, do: { flag: true } },
    ],
  };
  writeFileSync(join(cwd, 'rules.json'), JSON.stringify(rules));
  assert.equal((await run('account rules set ann@example.org rules.json')).status, 0);
  assert.equal(
    (await run('account rules list ann@example.org')).out,
    [
      '1. lists: it has List-Id and larger than 1000 bytes: into Lists/Dev, marked as read; no filter below it',
      '2. boss: from has “boss@”: flagged',
      'forward: to ann@elsewhere.example, with a copy here',
      'vacation: until 2026-12-27, each sender once in 7 days, "Away"',
      '',
    ].join('\n'),
  );
  // What is printed can be set again.
  const { out } = await run('account rules list ann@example.org --json');
  assert.equal((await run('account rules set ann@example.org', out)).status, 0);
  assert.equal((await run('account rules list ann@example.org --json')).out, out);

  assert.match((await run('account rules remove ann@example.org')).err, /say which/);
  assert.match((await run('account rules remove ann@example.org nix')).err, /no filter nix/);
  assert.equal((await run('account rules remove ann@example.org lists --vacation')).status, 0);
  const left = JSON.parse((await run('account rules list ann@example.org --json')).out);
  assert.deepEqual(
    [left.filters.map(({ name }: { name: string }) => name), left.vacation, left.forward.to],
    [['boss'], undefined, ['ann@elsewhere.example']],
  );
  assert.equal((await run('account rules remove ann@example.org --all')).status, 0);
  assert.match((await run('account rules list ann@example.org')).err, /has no rules/);

  const wrong = await run('account rules set ann@example.org', '{"filters":[{"name":"x"}]}');
  assert.deepEqual([wrong.status, /when/.test(wrong.err)], [2, true]);
  assert.equal((await run('account rules set ann@example.org', '{')).status, 2);
  assert.match((await run('account rules list bob@example.org')).err, /no account bob/);
});
