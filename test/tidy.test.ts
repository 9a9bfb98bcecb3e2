// The rules of CONTRIBUTING.md that a machine can check.

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { guards } from '../scripts/mutation/guards.ts';

/** Bottom to top. A folder imports itself and what lies on lower floors. */
const floors = [
  ['base'],
  ['mail', 'sasl'],
  ['smtp', 'imap', 'pop3', 'mtqp', 'activesync', 'dns', 'milter', 'report'],
  ['trust', 'store', 'net'],
  ['policy', 'queue', 'mailbox', 'acme'],
  ['receive', 'deliver', 'access', 'inbox', 'watch'],
  ['config', 'admin', 'web'],
  ['compose', 'embed'],
  ['cli'],
  ['main.ts', 'index.ts', 'client', 'testing'],
];
const folderOf = (file: string) => file.split('/')[0]!;
const floorOf = (file: string) => floors.findIndex((floor) => floor.includes(folderOf(file)));

/** Only these may touch a library or a Node module that is kept in one room. */
const rooms: readonly (readonly [module: RegExp, where: RegExp])[] = [
  [/^node:(net|tls|dgram)$/, /^net\/|\.test\.ts$|^admin\/|^testing\//],
  [/^node:https?$/, /^(net|web)\/|(?:\.test|\/test-object-store)\.ts$|^testing\//],
  [/^(hono|@hono\/.*)$/, /^web\//],
  [/^node:sqlite$/, /^store\/sqlite\//],
  [/^(pg|aws4fetch)$/, /^store\/postgres\//],
  [/^zod$/, /^(config|admin|web)\//],
  [/^commander$/, /^cli\//],
  [/^pino$/, /^cli\//],
  [/^dns-packet$/, /^net\//],
  [/^iconv-lite$/, /^mail\//],
  [/^fast-check$/, /^base\/test-properties\.ts$/],
];

/** Folders of src/ that are private: only what is named may import them, tests apart. */
const privateFolders: readonly (readonly [folder: string, by: RegExp])[] = [
  ['store/sqlite/', /^store\/(sqlite\/|open-(?:stores|history|move)\.ts$|at-rest\.ts$)/],
  ['store/postgres/', /^store\/(postgres\/|open-(?:stores|move)\.ts$)/],
  ['store/sqlite/journal/', /^store\/sqlite\//],
  // Who opens stores: the server, commands without one, the test kit.
  [
    'store/open-stores.ts',
    /^(compose\/storage\.ts|cli\/[a-z-]+(?:\/[a-z-]+)?\.ts|testing\/index\.ts)$/,
  ],
];

const root = join(import.meta.dirname, '..');
const src = join(root, 'src');
const files = globSync('**/*.ts', { cwd: src });
/** `isIP` is a pure function (and so are its kin) that happens to live in node:net. */
const pure = /import \{ isIP(?:v[46])?(?:, isIPv[46])* \} from 'node:net';/g;
const importsOf = (source: string) =>
  [
    ...source.matchAll(
      /(?:^|\n)\s*(?:import|export)\b(?:[^'";]*?\bfrom)?\s*'([^']+)'|import\('([^']+)'\)/g,
    ),
  ].map((match) => match[1] ?? match[2]!);

/** Or what only tests use. */
const isTest = (file: string) => /\.test\.ts$|(?:^|\/)test-[^/]+\.ts$|conformance\//.test(file);

describe('tidy', () => {
  for (const file of files) {
    const source = readFileSync(join(src, file), 'utf8');
    it(file, () => {
      assert.notEqual(floorOf(file), -1, `${file} is on no floor`);
      for (const path of importsOf(source.replaceAll(pure, ''))) {
        if (!path.startsWith('.')) {
          const room = rooms.find(([module]) => module.test(path));
          assert.ok(room === undefined || room[1].test(file), `${file} must not import ${path}`);
          continue;
        }
        assert.match(path, /\.ts$/, `${file}: relative imports end in .ts`);
        const target = join(dirname(file), path);
        const upwards = file.endsWith('.test.ts') || file.includes('conformance/');
        const fine = folderOf(target) === folderOf(file) || floorOf(target) < floorOf(file);
        assert.ok(fine || upwards, `${file} must not import ${target}`);
        for (const [folder, by] of privateFolders)
          if (target.startsWith(folder) && !isTest(file))
            assert.ok(by.test(file), `${file} must not import ${target}: it is private`);
        assert.ok(isTest(file) || !isTest(target), `${file} must not import ${target}: for tests`);
      }
      if (!isTest(file) && file !== 'policy/accounts/passwords.ts')
        assert.doesNotMatch(source, /\bhashAt\b/, 'only tests hash passwords cheaply');
      assert.doesNotMatch(
        source,
        /RFC(?!822\b)\d|rfc ?\d{4}[^.]/,
        'references read "RFC 5321 §4.1.1.4"',
      );
      assert.doesNotMatch(source, /^\/\/ (TODO|FIXME|XXX)/m, 'no TODO without an issue');
      assert.doesNotMatch(source, /^(export default|export enum|enum|namespace) /m);
      if (!file.endsWith('.test.ts')) assert.match(source, /^\/\/ /, 'begins with what it is');
    });
  }
});

/** Circles that are being removed: each is named by its files, in order. */
const knownCircles: readonly string[] = [];

const consoleFiles = globSync('**/*.{ts,tsx}', { cwd: join(root, 'console/src') }).map((file) =>
  join('../console/src', file),
);

describe('imports', () => {
  it('are seen in every form: of names, over several lines, for what they do alone, later', () => {
    const source = [
      "import { one } from './one.ts';",
      "import {\n  two,\n  type Two,\n} from './two.ts';",
      "import './three.ts';",
      "export * from './four.ts';\nexport {\n  five,\n} from './five.ts';",
      "export const six = () => import('./six.ts');",
      "export const text = 'from here';",
    ].join('\n');
    assert.deepEqual(
      importsOf(source),
      ['one', 'two', 'three', 'four', 'five', 'six'].map((name) => `./${name}.ts`),
    );
  });

  it('form no circles, types included, those of the console neither', () => {
    const imports = new Map(
      [...files, ...consoleFiles]
        .filter((file) => !file.endsWith('.test.ts'))
        .map((file) => [file, relativeImports(file)] as const),
    );
    const circles = circlesIn(imports).map((circle) => circle.sort().join(' '));
    // Nor may one stay on the list that is gone.
    assert.deepEqual(circles.sort(), [...knownCircles].sort());
  });
});

const relativeImports = (file: string): string[] =>
  importsOf(readFileSync(join(src, file), 'utf8'))
    .filter((path) => path.startsWith('.'))
    .map((path) => join(dirname(file), path));

/** Files that import each other, directly or by others: Tarjan's strongly connected components. */
function circlesIn(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const numbers = new Map<string, number>();
  const open: string[] = [];
  const circles: string[][] = [];
  /** The lowest number that can be reached from the file among those that are open. */
  function visit(file: string): number {
    const number = numbers.size;
    numbers.set(file, number);
    open.push(file);
    let lowest = number;
    for (const target of imports.get(file) ?? [])
      if (!numbers.has(target)) lowest = Math.min(lowest, visit(target));
      else if (open.includes(target)) lowest = Math.min(lowest, numbers.get(target)!);
    if (lowest < number) return lowest;
    const circle = open.splice(open.indexOf(file));
    if (circle.length > 1) circles.push(circle);
    return number;
  }
  for (const file of imports.keys()) if (!numbers.has(file)) visit(file);
  return circles;
}

describe('scripts/mutation', () => {
  it('names files and tests that there are, and accepts survivors of their lines alone', () => {
    const place = (file: string) => join(root, file.startsWith('test/') ? '' : 'src', file);
    for (const { file, tests } of guards)
      for (const one of [file, ...tests]) assert.ok(existsSync(place(one)), one);
    const lines = new Map(
      guards.map(({ file }) => [file, new Set(linesOf(file).map((line) => line.trim()))]),
    );
    const accepted = readFileSync(join(root, 'scripts/mutation/accepted.txt'), 'utf8');
    for (const [, file = '', line = ''] of accepted.matchAll(/^(\w[^\n:]*): (.*) → /gm))
      assert.ok(lines.get(file)?.has(line), `${file} has no line ${line}`);
  });
});

/** Limit: lines of a file; beyond it is more than one thing. What a store must do is told in one place. */
const fileLinesMax = 400;
/**
 * Limit: lines of a function. The linter's own (biome.json) leaves out lines that close something, getters, setters, and
 * lines within a text.
 */
const functionLinesMax = 70;
/** Limit: lines that may stand in two places. */
const sharedLinesMax = 7;
const ours = files.filter((file) => !isTest(file));
const linesOf = (file: string): string[] => readFileSync(join(src, file), 'utf8').split('\n');

describe('files', () => {
  it(`have at most ${fileLinesMax} lines`, () => {
    const long = ours.filter((file) => linesOf(file).length > fileLinesMax + 1);
    assert.deepEqual(long, []);
  });

  it(`have functions of at most ${functionLinesMax} lines`, () => {
    const long = [...ours, ...consoleFiles].flatMap((file) =>
      [...functionsOf(linesOf(file))]
        .filter(({ length }) => length > functionLinesMax)
        .map(({ line, length }) => `${file}:${line} has ${length}`),
    );
    assert.deepEqual(long, []);
  });

  it(`have no more than ${sharedLinesMax} lines that stand in another place, too`, () => {
    const places = new Map<string, string>();
    const twice: string[] = [];
    for (const file of ours) {
      const told = codeOf(file)
        .map((text, index) => ({ text: text.trim(), line: index + 1 }))
        .filter(({ text }) => /\w/.test(text));
      for (let at = 0; at + sharedLinesMax < told.length; at += 1) {
        const run = told.slice(at, at + sharedLinesMax + 1);
        const key = run.map(({ text }) => text).join('\n');
        const here = `${file}:${run[0]!.line}`;
        const there = places.get(key);
        if (there !== undefined) twice.push(`${here} is ${there} once more`);
        places.set(key, here);
      }
    }
    assert.deepEqual(twice, []);
  });

  it('leave it to base/error-text.ts what is told of something thrown', () => {
    const own = /instanceof Error \? \(?\w+\.(?:message|stack \?\? \w+\.message)\b.* : String\(/;
    const found = ours.filter((file) => own.test(linesOf(file).join('\n')));
    assert.deepEqual(found, ['base/error-text.ts']);
  });
});

/**
 * From the line that opens the body to the one that closes it, which the formatter indents alike. Blocks of other kinds come
 * along: where one of them is too long, so is what it stands in.
 */
function* functionsOf(lines: readonly string[]) {
  for (const [at, text] of lines.entries()) {
    const [, indent] = /^( *)\S.*(?:\)(?:: .+)?|=>|static) ?(?:=> .*)?[({[]+$/.exec(text) ?? [];
    if (indent === undefined) continue;
    const closing = new RegExp(`^${indent}[)}\\]]`);
    const length = lines.slice(at + 1).findIndex((line) => closing.test(line)) + 2;
    yield { line: at + 1, length };
  }
}

/** Without imports, names that are handed on, and comments; other lines stay where they are. */
function codeOf(file: string): string[] {
  const left = (text: string) => text.replace(/[^\n]/g, '');
  return readFileSync(join(src, file), 'utf8')
    .replaceAll(/^(?:import|export)\b[^;=]*? from '[^']*';$/gm, left)
    .split('\n')
    .map((line) => (/^\s*(?:\/\/|\/?\*)/.test(line) ? '' : line));
}

describe('docs/rfc.md', () => {
  const page = readFileSync(join(root, 'docs/rfc.md'), 'utf8');
  const known = new Set([...page.matchAll(/RFC (\d+)/g)].map((match) => match[1]));

  it('has a row for every RFC that the source cites', () => {
    const missing = new Set<string>();
    for (const file of files)
      for (const match of readFileSync(join(src, file), 'utf8').matchAll(/RFC (\d{3,5})/g))
        if (!known.has(match[1])) missing.add(`RFC ${match[1]} (${file})`);
    assert.deepEqual([...missing], []);
  });

  it('names only files that exist', () => {
    for (const [, path] of page.matchAll(/`((?:src|test|docs)\/[^`*]+)`/g))
      assert.ok(existsSync(join(root, path!)), `docs/rfc.md names ${path}`);
  });

  it('lists every file that knowingly differs', () => {
    const differences = page.slice(page.indexOf('## Where we knowingly differ'));
    for (const file of files)
      if (/\bDeviation: /.test(readFileSync(join(src, file), 'utf8')))
        assert.ok(differences.includes(`\`src/${file}\``), `src/${file} has a Deviation: unlisted`);
  });

  for (const { rfc, what, code, tests } of doneRows(page))
    it(`RFC ${rfc}, ${what}: is cited where it is done and where it is tested`, () => {
      const cites = (path: string) => readFileSync(join(root, path), 'utf8').includes(`RFC ${rfc}`);
      assert.ok(code.some(cites), `none of ${code} cites RFC ${rfc}`);
      assert.ok(tests.some(cites), `none of ${tests} cites RFC ${rfc}`);
    });
});

/** Rows that claim "done": the RFC stands in the heading or in the first column. */
function* doneRows(page: string) {
  let heading = '';
  for (const line of page.split('\n')) {
    if (line.startsWith('## ')) heading = /RFC (\d+)/.exec(line)?.[1] ?? '';
    const columns = line.split(/(?<!\\)\|/).map((column) => column.trim());
    const rfc = /^RFC (\d+)/.exec(columns[1] ?? '')?.[1] ?? heading;
    if (rfc === '' || !/^done\b/.test(columns[3] ?? '')) continue;
    yield { rfc, what: columns[2]!, code: pathsIn(columns[4]!), tests: pathsIn(columns[5]!) };
  }
}

function pathsIn(column: string): string[] {
  return [...column.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
}

describe('docs/architecture.md', () => {
  const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');

  it('has the floors', () => {
    const rows = [...page.matchAll(/^\| (\d+) \| ([^|]+) \|[^|]+\|$/gm)];
    const told = rows.map(([, number, names]) => [Number(number), foldersIn(names!)]);
    const actual = floors.map((floor, number) => [number, [...floor].sort()]);
    assert.deepEqual(told, actual.reverse());
    for (const folder of floors.flat()) assert.ok(existsSync(join(src, folder)), folder);
  });

  it('has the rooms of large folders', () => {
    const [told = ''] = /^Large folders have rooms:.*?\n\n/ms.exec(page) ?? [];
    const named = new Set(foldersIn(told).map((path) => basename(path)));
    const rooms = ['policy', 'deliver', 'store', 'mail', 'queue'].flatMap((folder) =>
      globSync('**/*.ts', { cwd: join(src, folder) })
        .map(dirname)
        .filter((room) => room !== '.' && room !== 'conformance')
        .map((room) => basename(room)),
    );
    assert.deepEqual(
      [...new Set(rooms)].filter((room) => !named.has(room)),
      [],
    );
  });

  it('names only files that exist', () => {
    const missing = [...page.matchAll(/`([a-z0-9./-]+\.ts)`/g)]
      .map(([, path]) => path!)
      .filter((path) => !names.has(path) && !existsSync(join(root, path)));
    assert.deepEqual(missing, []);
  });
});

/** As "`store/`, `net/`". */
const foldersIn = (names: string) =>
  pathsIn(names)
    .map((name) => name.replace(/\/$/, ''))
    .sort();
/** What a document may call a file of `src/`: its path there, or its last name. */
const names = new Set(files.flatMap((file) => [file, basename(file)]));

describe('documents', () => {
  for (const file of [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'LICENSE',
    'docs/architecture.md',
    'docs/config.md',
    'docs/performance.md',
    'docs/dependencies.md',
    'docs/rfc.md',
    'docs/operating.md',
    'docs/replies.md',
  ])
    it(`${file} is there`, () => assert.ok(existsSync(join(root, file))));

  it('docs/dependencies.md has a line for each runtime dependency', () => {
    const text = readFileSync(join(root, 'docs/dependencies.md'), 'utf8');
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    for (const name of Object.keys(dependencies)) assert.ok(text.includes(`\`${name}\``), name);
  });

  it('README.md and docs/operating.md show only options that there are', () => {
    const commands = globSync('cli/**/*.ts', { cwd: src })
      .map((file) => readFileSync(join(src, file), 'utf8'))
      .join('\n');
    for (const file of ['README.md', 'docs/operating.md'])
      for (const [line] of readFileSync(join(root, file), 'utf8').matchAll(/postrider [a-z]+ .*/g))
        for (const [option] of line.matchAll(/(?<= )--[a-z][a-z-]+/g))
          assert.ok(commands.includes(`'${option}`), `${file}: ${option} in ${line}`);
  });

  it('README.md lists every command', () => {
    const rows = readFileSync(join(root, 'README.md'), 'utf8').match(/^\| `.*$/gm) ?? [];
    const listed = rows.join('\n');
    const commands = readFileSync(join(src, 'cli/cli.ts'), 'utf8').matchAll(
      /^ {2,4}(?:\[)?'([a-z]+)',/gm,
    );
    const names = [...commands].map(([, name]) => name!);
    assert.ok(names.length > 15, 'they are found');
    for (const name of names) assert.match(listed, new RegExp(`\`${name}[ \`]`), name);
  });

  it('decisions are numbered one after the other, each in its heading too', () => {
    for (const [index, file] of globSync('docs/decisions/*.md', { cwd: root }).sort().entries()) {
      const number = index + 1;
      assert.match(basename(file), new RegExp(`^${String(number).padStart(4, '0')}-`));
      assert.match(readFileSync(join(root, file), 'utf8'), new RegExp(`^# ${number} `), file);
    }
  });

  it('relative links lead somewhere', () => {
    for (const file of globSync('{*.md,docs/**/*.md}', { cwd: root }))
      for (const [, link] of readFileSync(join(root, file), 'utf8').matchAll(
        /\]\(([^)#:]+)(?:#[^)]*)?\)/g,
      ))
        assert.ok(existsSync(join(root, dirname(file), link!)), `${file} links to ${link}`);
  });
});
