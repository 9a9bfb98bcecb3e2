import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';

it('files that share a process: who fails, hangs or leaves something behind is named, and no neighbour', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'postrider-together-'));
  const paths = Object.entries({
    'fails.mjs': `it('one', () => { throw new Error('no'); });`,
    'poisons.mjs': `it('two', () => { Date.now = () => 0; });`,
    'heals.mjs': `it('three', () => { delete Date.now; Date.now = globalThis.now; });`,
    'hangs.mjs': `it('four', { timeout: 100 }, () => new Promise(() => {}));`,
    'hooks.mjs': `beforeEach(() => { throw new Error('not for others'); });`,
    'fine.mjs': `it('five', () => new Promise((resolve) => setTimeout(resolve, 200).unref()));`,
  }).map(([name, source]) => {
    const path = join(folder, name);
    writeFileSync(path, `import { beforeEach, it } from 'node:test';\n${source}\n`);
    return path;
  });
  const entry = join(folder, 'entry.mjs');
  const together = join(import.meta.dirname, 'together.ts');
  writeFileSync(
    entry,
    `import { runTogether } from ${JSON.stringify(together)};
globalThis.now = Date.now;
await runTogether(${JSON.stringify(paths)});\n`,
  );
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, ['--test-reporter=tap', entry], {
    cwd: folder,
    env,
  }).catch((error: { stdout: string }) => error);
  rmSync(folder, { recursive: true });
  const results = [...stdout.matchAll(/^(not )?ok \d+ - (\S+)/gm)];
  assert.deepEqual(
    results.map(([, not, name]) => [name, not === undefined]),
    [
      ['fails.mjs', false],
      ['poisons.mjs', false],
      ['heals.mjs', false],
      ['hangs.mjs', false],
      ['hooks.mjs', true],
      ['fine.mjs', true],
    ],
  );
  assert.match(stdout, /poisons\.mjs leaves the process as it was/);
});
