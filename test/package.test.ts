// The published package: what `npm pack` makes of this checkout, installed in an empty folder with
// the runtime beside it, runs as a program, as a library and as types. Needs the npm registry.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
};

/** Without the answers of the npm that may run this test. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_(OPTIONS|TEST)/i.test(name)),
);
/** The machine's own Node, not the one that npm scripts put in front of it. */
const outside = {
  ...environment,
  PATH: (process.env.PATH ?? '')
    .split(delimiter)
    .filter((directory) => !directory.includes('node_modules'))
    .join(delimiter),
};
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
import { type ReceivedMessage, reply, SendMailError, sendMail, SmtpServer } from 'postrider';
import { ClientError, createClient } from 'postrider/client';
import { defaultLimits } from 'postrider/smtp';
import { startTestServer } from 'postrider/testing';

const arrived = Promise.withResolvers<ReceivedMessage['subject']>();
await using server = await new SmtpServer({
  onRecipient: (to) => (to.domain === 'example.org' ? undefined : reply(550, '7.1', 'Not here')),
  onMessage: (message) => arrived.resolve(message.subject),
}).listen();
const letter = { from: 'a@example.net', to: 'b@example.org', message: 'Subject: packed\\r\\n\\r\\nHi.\\r\\n' };
await sendMail({ host: '127.0.0.1', port: server.port, tls: 'none', ...letter });
assert.equal(await arrived.promise, 'packed');
const refused = sendMail({ host: '127.0.0.1', port: server.port, tls: 'none', ...letter, to: 'b@elsewhere.test' });
await assert.rejects(refused, (error) => error instanceof SendMailError && error.code === 'REFUSED');
const limit: number = defaultLimits.recipients;
assert.ok(limit >= 100);
const client = createClient({ url: 'http://127.0.0.1:9', fetch: async () => Response.json({ error: 'no' }, { status: 403 }) });
await assert.rejects(async () => (await client.queueCount({})).messages, (error) => error instanceof ClientError && error.status === 403);

await using whole = await startTestServer();
await whole.send(letter);
console.log((await whole.waitFor(({ mailbox }) => mailbox === 'b@example.org')).subject);
`;

const common = `
const { parseMessage, SmtpServer } = require('postrider');
const { header } = parseMessage(Buffer.from('MIME-Version: 2.0\\n\\n'));
import('postrider').then((module) =>
  console.log(module.SmtpServer === SmtpServer, header('mime-version'), 'startTestServer' in require('postrider/testing')),
);
`;

const commonTypes = `
import postrider = require('postrider');
export const server = new postrider.SmtpServer({ onMessage: ({ subject }) => console.log(subject.length) });
`;

describe('npm ci on a fresh machine', () => {
  it('has no package that warns of Node 20 (EBADENGINE)', () => {
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { engines?: { node?: string }; optional?: boolean }>;
    };
    // The oldest version that one of the alternatives takes: `^20.19.0 || >=22.12.0`.
    const takes20 = (range: string) =>
      range.split('||').some((part) => Number(/\d+/.exec(part)?.[0] ?? 0) <= 20);
    const tooNew = Object.entries(packages)
      .filter(([, { engines }]) => !takes20(engines?.node ?? '*'))
      .map(([name]) => name || 'this package itself: bin/postrider and entry/ tell of an old Node');
    assert.deepEqual(tooNew, []);
  });
});

describe('the published package', { skip: reachable ? false : 'no npm registry' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'postrider-package-'));
  const node = join(folder, 'node_modules/node/bin/node');
  let packed: { filename: string; files: { path: string }[] };

  before(async () => {
    const { stdout } = await npm(root, 'pack', '--json', '--pack-destination', folder);
    packed = (JSON.parse(stdout) as (typeof packed)[])[0]!;
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
    writeFileSync(join(folder, 'program.ts'), program);
    writeFileSync(join(folder, 'common.cjs'), common);
    writeFileSync(join(folder, 'common.cts'), commonTypes);
    writeFileSync(
      join(folder, 'old.mjs'),
      "import { SmtpServer } from 'postrider'; new SmtpServer({});",
    );
    writeFileSync(join(folder, 'old.cjs'), "require('postrider/testing');");
    await npm(folder, 'install', '--prefer-offline', `./${packed.filename}`);
    // As if installed beside it: those that this checkout has.
    const modules = join(folder, 'node_modules');
    mkdirSync(join(modules, '@types'), { recursive: true });
    for (const tool of ['node', '@types/node', 'typescript', 'undici-types'])
      symlinkSync(join(root, 'node_modules', tool), join(modules, tool));
    symlinkSync(join(root, 'node_modules/.bin/tsc'), join(modules, '.bin/tsc'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('has behind each export what it names', async () => {
    const { exports } = JSON.parse(
      readFileSync(join(folder, 'node_modules/postrider/package.json'), 'utf8'),
    ) as { exports: Record<string, string> };
    for (const path of Object.keys(exports).filter((path) => !path.endsWith('.json')))
      await run(node, ['-e', `require('${path.replace('.', 'postrider')}')`], {
        cwd: folder,
        env: environment,
      });
  });

  it('carries compiled code and declarations, neither sources nor tests', () => {
    const paths = packed.files.map(({ path }) => path);
    for (const path of ['bin/postrider', 'dist/main.js', 'dist/index.d.ts', 'entry/index.js'])
      assert.ok(paths.includes(path), path);
    const page = readFileSync(
      join(folder, 'node_modules/postrider/dist/console/index.html'),
      'utf8',
    );
    for (const [, file] of page.matchAll(/\/console\/([\w.-]+)/g))
      assert.ok(paths.includes(`dist/console/${file}`), file!);
    const strays = paths.filter(
      (path) =>
        !path.startsWith('examples/') &&
        (/^(src|test|scripts|console)\//.test(path) || /\.test\.|(?<!\.d)\.ts$/.test(path)),
    );
    assert.deepEqual(strays, []);
    const library = readFileSync(join(root, 'docs/library.md'), 'utf8');
    for (const [, example] of library.matchAll(/\(\.\.\/(examples\/[\w.]+)\)/g))
      assert.ok(paths.includes(example!), example!);
    assert.ok(!paths.includes('entry/package.json'), 'would point to sources that are not there');
  });

  it('runs as `npx postrider`', async () => {
    const { stdout, stderr } = await run('npx', ['--', 'postrider', '--version'], {
      cwd: folder,
      env: environment,
    });
    assert.equal(stdout.trim(), version);
    assert.ok(!stderr.includes('flag'), 'V8 knows what main.ts sets');
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

  it('is required by CommonJS, and is the same library', async () => {
    const { stdout } = await run(node, ['common.cjs'], { cwd: folder, env: environment });
    assert.equal(stdout, 'true 2.0 true\n');
  });

  for (const options of [
    '--module nodenext --skipLibCheck false',
    '--module preserve --skipLibCheck false',
    // Resolved as above: the declarations need not be checked once more.
    '--module esnext --moduleResolution bundler --skipLibCheck true',
  ])
    it(`brings its types along: ${options}`, async () => {
      const { stdout } = await run(
        join(folder, 'node_modules/.bin/tsc'),
        [
          ...'--singleThreaded --noEmit --strict --target esnext --types node'.split(' '),
          // Nothing of a browser is needed, and TypeScript's own declarations have been checked by others.
          ...'--lib esnext --skipDefaultLibCheck true'.split(' '),
          ...options.split(' '),
          ...['program.ts', 'postrider.config.ts'],
          // What is bundled has no `import = require()`.
          ...(options.includes('bundler') ? [] : ['common.cts']),
        ],
        // A Go program, which ends soon: rare collections.
        { cwd: folder, env: { GOGC: '400', ...environment } },
      ).catch((error: { stdout: string }) => error);
      assert.equal(stdout, '');
    });

  it('under an older Node it says in one sentence what it needs', async (t) => {
    const old = await run('node', ['--version'], { env: outside }).then(
      ({ stdout }) => Number.parseInt(stdout.slice(1), 10),
      () => undefined,
    );
    if (old === undefined || old >= 26) return t.skip('this machine has no older Node');
    for (const file of ['old.mjs', 'old.cjs']) {
      const told = run('node', [file], { cwd: folder, env: outside });
      await assert.rejects(told, ({ stderr }: { stderr: string }) => {
        assert.match(stderr, /postrider needs Node 26 or newer, and this is Node \d+\.\d+\.\d+: /);
        assert.doesNotMatch(stderr, /^ {4}at |SyntaxError|dist\//m);
        return true;
      });
    }
  });
});
