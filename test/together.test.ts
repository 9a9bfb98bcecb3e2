import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';

/** What TAP says of files with these sources that share a process, and whether it ended well. */
async function outcomeOf(sources: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'postrider-together-'));
  const paths = Object.entries(sources).map(([name, source]) => {
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
  const argv = ['--test-reporter=tap', entry];
  const { stdout, stderr, code } = await promisify(execFile)(process.execPath, argv, {
    ...{ cwd: folder, env },
  }).then(
    (said) => ({ ...said, code: 0 }),
    (error: { stdout: string; stderr: string; code: number }) => error,
  );
  rmSync(folder, { recursive: true });
  const results = [...stdout.matchAll(/^(not )?ok \d+ - (\S+)/gm)];
  return {
    ...{ stdout, stderr, code },
    files: results.map(([, not, name]) => [name, not === undefined]),
  };
}

it('files that share a process: who fails, hangs or leaves something behind is named, and no neighbour', async () => {
  const { files, stdout, code } = await outcomeOf({
    'fails.mjs': `it('one', () => { throw new Error('no'); });`,
    'poisons.mjs': `it('two', () => { Date.now = () => 0; });`,
    'heals.mjs': `it('three', () => { delete Date.now; Date.now = globalThis.now; });`,
    'hangs.mjs': `it('four', { timeout: 100 }, () => new Promise(() => {}));`,
    'hooks.mjs': `beforeEach(() => { throw new Error('not for others'); });`,
    'fine.mjs': `it('five', () => new Promise((resolve) => setTimeout(resolve, 200).unref()));`,
    'throws.mjs': `it('six', () => {}); throw new Error('not loaded');`,
  });
  assert.deepEqual(files, [
    ['fails.mjs', false],
    ['poisons.mjs', false],
    ['heals.mjs', false],
    ['hangs.mjs', false],
    ['hooks.mjs', true],
    ['fine.mjs', true],
    ['throws.mjs', false],
  ]);
  assert.match(stdout, /poisons\.mjs leaves the process as it was/);
  assert.equal(code, 1);
});

it('files that share a process: who ends it is named, and what was not run is no success', async () => {
  const { files, stderr, code } = await outcomeOf({
    'ends.mjs': `it('one', () => { process.exit(0); });`,
    'fine.mjs': `it('two', () => {});`,
  });
  assert.deepEqual(files, []);
  assert.match(stderr, /ends\.mjs ends the process/);
  assert.equal(code, 1);
});

it('an error that nobody catches fails the test that it belongs to (test-of-error.cjs), however long that has waited', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'postrider-errors-'));
  const path = join(folder, 'errors.mjs');
  writeFileSync(
    path,
    `
import { connect, createServer } from 'node:net';
import { it } from 'node:test';
const wait = (ms = 20) => new Promise((resolve) => setTimeout(resolve, ms));
const fail = () => { throw new Error('nobody catches this'); };
it('timer', async () => { await wait(); setTimeout(fail, 1); await wait(); });
it('good', () => wait());
it('promise', async () => { await wait(); void Promise.reject(new Error('nor this')); await wait(); });
it('microtask', async () => { await wait(); queueMicrotask(fail); await wait(); });
it('good', () => wait());
it('socket', async (t) => {
  const server = createServer(fail).listen(0);
  t.after(() => server.close());
  await wait();
  const client = connect(server.address().port);
  t.after(() => client.destroy());
  await new Promise((resolve) => client.on('close', resolve).on('error', resolve).on('data', () => {}));
});
it('good', () => wait());
`,
  );
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const hook = join(import.meta.dirname, 'test-of-error.cjs');
  const argv = ['--require', hook, '--test-reporter=tap', path];
  const told = await promisify(execFile)(process.execPath, argv, { env, timeout: 60_000 }).then(
    () => assert.fail('it ended well'),
    (error: { stdout: string }) => error.stdout,
  );
  rmSync(folder, { recursive: true });
  assert.deepEqual(
    [...told.matchAll(/^(not ok|ok) \d+ - (\w+)/gm)].map(([, verdict, name]) => [name, verdict]),
    ['timer', 'good', 'promise', 'microtask', 'good', 'socket', 'good'].map((name) => [
      name,
      name === 'good' ? 'ok' : 'not ok',
    ]),
  );
});
