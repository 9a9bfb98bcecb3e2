import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os, { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { loadConfig, parseJson } from './load.ts';

const directory = mkdtempSync(join(tmpdir(), 'postrider-load-'));
after(() => rmSync(directory, { recursive: true }));

async function load(name: string, text: string): Promise<string | object> {
  writeFileSync(join(directory, name), text);
  const result = await loadConfig(name, directory);
  return result.kind === 'ok'
    ? { hostname: result.config.hostname }
    : (result.problems[0]?.message ?? '');
}

describe('loading a configuration', () => {
  const files: [name: string, text: string, expected: string | object | RegExp][] = [
    ['a.json', '{ "hostname": "a.example" }', { hostname: 'a.example' }],
    ['b.js', 'export default { hostname: "b.example" };', { hostname: 'b.example' }],
    [
      'c.ts',
      'const hostname: string = "c.example";\nexport default { hostname };',
      { hostname: 'c.example' },
    ],
    ['d.ts', 'export const x = 1;', 'exports nothing: write `export default defineConfig({ … })`'],
    ['e.ts', 'throw new Error("no\\nluck");', 'line 1, column 7: no'],
    [
      'f.ts',
      'export default {\n  hostname: ;\n};',
      /^line 2.*[Ee]xpression expected|Unexpected token/,
    ],
    [
      'g.ts',
      'import x from "./missing.ts";\nexport default x;',
      /Cannot find module .*missing\.ts/,
    ],
    ['h.json', '{\n  "hostname": mx\n}', "line 2, column 15: expected a value, found 'm'"],
    ['i.yaml', 'hostname: x', 'a configuration ends in .ts, .js or .json'],
  ];
  for (const [name, text, expected] of files)
    it(`${name}: ${expected instanceof RegExp ? expected.source : JSON.stringify(expected)}`, async () => {
      const found = await load(name, text);
      if (expected instanceof RegExp) assert.match(String(found), expected);
      else assert.deepEqual(found, expected);
    });

  it('finds the usual names in the working directory, TypeScript first', async () => {
    const empty = join(directory, 'empty');
    mkdirSync(empty);
    const none = await loadConfig(undefined, empty);
    assert.equal(none.kind, 'problems');
    assert.equal(none.path, undefined);
    assert.match(none.problems[0]!.message, /no configuration in .*postrider init/);
    writeFileSync(join(empty, 'postrider.config.json'), '{ "hostname": "json.example" }');
    const json = await loadConfig(undefined, empty);
    assert.equal(json.kind === 'ok' && json.config.hostname, 'json.example');
    writeFileSync(join(empty, 'postrider.config.ts'), 'export default { hostname: "ts.example" };');
    const ts = await loadConfig(undefined, empty);
    assert.equal(ts.kind === 'ok' && ts.config.hostname, 'ts.example');
  });

  it('says that a file is not there, or is a directory', async () => {
    const missing = await loadConfig('nope.json', directory);
    assert.equal(
      missing.kind === 'problems' && missing.problems[0]!.message,
      'there is no such file',
    );
    const folder = await loadConfig('.', directory);
    assert.match(folder.kind === 'problems' ? folder.problems[0]!.message : '', /is a directory/);
  });

  it('reads a module again after it has changed (reload)', async () => {
    assert.deepEqual(await load('r.ts', 'export default { hostname: "one.example" };'), {
      hostname: 'one.example',
    });
    assert.deepEqual(await load('r.ts', 'export default { hostname: "two.example" };'), {
      hostname: 'two.example',
    });
  });

  it('what a configuration throws when it is looked at is a problem of it', async () => {
    const text = 'export default { get hostname() { throw new Error("no luck"); } };';
    assert.equal(await load('throws.ts', text), 'no luck');
  });

  it('waits a minute for a configuration that waits for something, and says so', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const loaded = load('waits.ts', 'await new Promise(() => {}); export default {};');
    const answer = Promise.withResolvers<string>();
    loaded.then((text) => answer.resolve(String(text)), answer.reject);
    let isThere = false;
    answer.promise.finally(() => {
      isThere = true;
    });
    while (!isThere) {
      t.mock.timers.tick(60_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(
      await answer.promise,
      'it has not said what it exports within a minute: it waits for something',
    );
  });

  it('names every problem where the machine itself has a name that is none', async (t) => {
    t.mock.method(os, 'hostname', () => '192.0.2.1');
    syncBuiltinESMExports();
    t.after(() => {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    });
    writeFileSync(join(directory, 'machine.json'), '{ "domains": "x", "logLevel": "warn" }');
    const result = await loadConfig('machine.json', directory);
    assert.ok(result.kind === 'problems');
    assert.deepEqual(
      result.problems.map(({ path }) => path),
      ['hostname', 'domains'],
    );
    assert.equal(result.partial?.logLevel, 'warn');
  });

  it('relative paths are relative to the file, wherever the program runs', async () => {
    const folder = join(directory, 'etc');
    mkdirSync(folder);
    writeFileSync(join(folder, 'mail.json'), '{ "dataDirectory": "../data" }');
    const result = await loadConfig('etc/mail.json', directory);
    assert.equal(result.kind === 'ok' && result.config.dataDirectory, join(directory, 'data'));
  });

  it('says so when a file may not be read', {
    skip: process.getuid?.() === 0 && 'root may read everything',
  }, async () => {
    writeFileSync(join(directory, 'secret.json'), '{}');
    chmodSync(join(directory, 'secret.json'), 0);
    const result = await loadConfig('secret.json', directory);
    assert.match(result.kind === 'problems' ? result.problems[0]!.message : '', /may not be read/);
  });
});

describe('JSON errors', () => {
  const texts: [text: string, problem: string][] = [
    ['', 'line 1, column 1: expected a value, found the end of the file'],
    ['{', 'line 1, column 2: expected a name in double quotes, found the end of the file'],
    ['{"a":1,}', "line 1, column 8: expected a name in double quotes, found '}'"],
    ['{\n// no\n}', "line 2, column 1: expected a name in double quotes, found '/'"],
    ['{"a" 1}', "line 1, column 6: expected ':', found '1'"],
    ['{"a":1 "b":2}', "line 1, column 8: expected ',' or '}', found '\"'"],
    ['[1,2', "line 1, column 5: expected ',' or ']', found the end of the file"],
    ['{"a":"b\n"}', "line 1, column 8: expected the end of the text in quotes, found '?'"],
    ['{"a":01}', "line 1, column 7: expected ',' or '}', found '1'"],
    ['{} x', "line 1, column 4: expected nothing more, found 'x'"],
    [`${'['.repeat(100_000)}`, "line 1, column 1002: expected less nesting, found '['"],
  ];
  for (const [text, problem] of texts)
    it(`${JSON.stringify(text.slice(0, 20))}: ${problem}`, () => {
      assert.deepEqual(parseJson(text), { problem });
    });
});
