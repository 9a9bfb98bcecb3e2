// The published package: what `npm pack` makes of this checkout, installed in an empty folder with
// the runtime beside it, runs as a program, as a library and as types. Needs the npm registry.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);
const { version, devDependencies } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as { version: string; devDependencies: Record<string, string> };

/** Without the answers of the npm that may run this test. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_(OPTIONS|TEST)/i.test(name)),
);
const npm = (cwd: string, ...args: string[]) =>
  run('npm', [...args, '--no-audit', '--no-fund'], { cwd, env: environment });

const reachable = await npm(root, 'ping', '--fetch-retries=0').then(
  () => true,
  () => false,
);
if (!reachable)
  console.error('SKIPPED: the npm registry cannot be reached, so nothing is installed');

const config = `
import { defineConfig } from 'postrider';
export default defineConfig({
  hostname: 'mx.example.org',
  domains: ['example.org'],
  listeners: [{ service: 'smtp', host: '127.0.0.1', port: 0 }],
  logLevel: 'error',
});
`;

const program = `
import assert from 'node:assert/strict';
import { reply, sendMail, SmtpServer } from 'postrider';
import { defaultLimits } from 'postrider/smtp';
import { startTestServer } from 'postrider/testing';

const arrived = Promise.withResolvers<string | undefined>();
await using server = await new SmtpServer({
  onRecipient: (to) => (to.domain === 'example.org' ? undefined : reply(550, '7.1', 'Not here')),
  onMessage: async (message) => arrived.resolve(await message.header('subject')),
}).listen();
const letter = { from: 'a@example.net', to: 'b@example.org', message: 'Subject: packed\\r\\n\\r\\nHi.\\r\\n' };
await sendMail({ host: '127.0.0.1', port: server.port, tls: 'none', ...letter });
assert.equal(await arrived.promise, 'packed');
const limit: number = defaultLimits.recipients;
assert.ok(limit >= 100);

await using whole = await startTestServer();
await whole.send(letter);
console.log((await whole.waitFor(({ mailbox }) => mailbox === 'b@example.org')).subject);
`;

describe('the published package', { skip: reachable ? false : 'no npm registry' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'postrider-package-'));
  const node = join(folder, 'node_modules/node/bin/node');
  let packed: { filename: string; files: { path: string }[] };

  before(async () => {
    const { stdout } = await npm(root, 'pack', '--json', '--pack-destination', folder);
    packed = (JSON.parse(stdout) as (typeof packed)[])[0]!;
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
    writeFileSync(join(folder, 'program.ts'), program);
    const tools = ['node', '@types/node', 'typescript'].map((n) => `${n}@${devDependencies[n]}`);
    await npm(folder, 'install', '--prefer-offline', `./${packed.filename}`, ...tools);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('carries compiled code and declarations, neither sources nor tests', () => {
    const paths = packed.files.map(({ path }) => path);
    for (const path of ['bin/postrider', 'dist/main.js', 'dist/index.d.ts', 'entry/index.js'])
      assert.ok(paths.includes(path), path);
    const strays = paths.filter(
      (path) => /^(src|test|scripts)\//.test(path) || /\.test\.|(?<!\.d)\.ts$/.test(path),
    );
    assert.deepEqual(strays, []);
    assert.ok(!paths.includes('entry/package.json'), 'would point to sources that are not there');
  });

  it('runs as `npx postrider`', async () => {
    const { stdout } = await run('npx', ['--', 'postrider', '--version'], {
      cwd: folder,
      env: environment,
    });
    assert.equal(stdout.trim(), version);
  });

  it('serves, with a configuration in TypeScript and the store in its thread', async () => {
    writeFileSync(join(folder, 'postrider.config.ts'), config);
    const child = spawn(join(folder, 'node_modules/.bin/postrider'), ['serve'], {
      cwd: folder,
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    await Promise.race([once(child.stdout, 'data'), ended]);
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  });

  it('is a library: all entry points, receiving mail', async () => {
    const { stdout } = await run(node, ['program.ts'], { cwd: folder, env: environment });
    assert.equal(stdout, 'packed\n');
  });

  it('brings its types along', async () => {
    const options = '--noEmit --strict --target esnext --module nodenext --types node'.split(' ');
    const { stdout } = await run(
      join(folder, 'node_modules/.bin/tsc'),
      [...options, 'program.ts', 'postrider.config.ts'],
      { cwd: folder, env: environment },
    ).catch((error: { stdout: string }) => error);
    assert.equal(stdout, '');
  });
});
