// A PostgreSQL of the tests' own: on a socket in a temporary folder, without a port, gone with the process that
// started it whatever ends that one. One for each process of tests, a database for each test.

import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { silentLog } from '../../base/log.ts';
import { Database } from './database.ts';
import { migrate } from './migrations.ts';

/** Debian keeps every version beside the others; whoever has another place names it. */
const programs = process.env.POSTRIDER_TEST_POSTGRES ?? debianPrograms();

function debianPrograms(): string | undefined {
  const versions = '/usr/lib/postgresql';
  if (!existsSync(versions)) return undefined;
  const newest = readdirSync(versions).sort((a, b) => Number(b) - Number(a))[0];
  return newest === undefined ? undefined : join(versions, newest, 'bin');
}

/** For `describe(…, { skip: withoutPostgres() })`: false, or why the tests are skipped. */
export function withoutPostgres(): string | false {
  const wanted = process.env.POSTRIDER_TEST_PEERS;
  if (wanted === 'none') return 'SKIPPED: POSTRIDER_TEST_PEERS=none';
  if (programs !== undefined && existsSync(join(programs, 'initdb'))) return false;
  const why = 'SKIPPED: postgresql is not installed (.ci/run installs it)';
  if (wanted === 'required') throw new Error(why);
  console.error(why);
  return why;
}

export interface TestCluster {
  /** Of a new database, with all tables. */
  database(): Promise<string>;
  /** As an operator sees it: `postgres`, the database that is there from the beginning. */
  readonly url: string;
  /** Ends it at once, as a crash would; start() brings it back. */
  crash(): Promise<void>;
  start(): Promise<void>;
}

let cluster: Promise<TestCluster> | undefined;

/** The process's: started when it is first asked for, ended when nothing is left to do. Files that share the process share it. */
export function testCluster(): Promise<TestCluster> {
  cluster ??= startCluster();
  return cluster;
}

/** PostgreSQL does not run as root. */
function user(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }).trim());
  return { uid: id('-u'), gid: id('-g') };
}

// Nothing here has to survive the machine. Text is ordered by a language, as in many databases: what needs the
// order of octets has to say so.
const initOptions = [
  ...['--no-sync', '--auth=trust', '--username=postrider', '--encoding=UTF8'],
  ...['--locale=C.UTF-8', '--locale-provider=icu', '--icu-locale=en'],
];

/** What initdb makes takes two seconds of a processor, and is the same each time: the first keeps a copy for all that follow. */
const kept = join(import.meta.dirname, '../../../node_modules/.cache/postrider-pg');

function makeData(bin: string, data: string, owner: ReturnType<typeof user>): void {
  const initdb = join(bin, 'initdb');
  const version = execFileSync(initdb, ['--version'], { encoding: 'utf8' });
  const name = createHash('sha256')
    .update(JSON.stringify([version, initOptions]))
    .digest('hex');
  const copy = join(kept, name);
  if (existsSync(copy)) {
    execFileSync('cp', ['-R', copy, data]);
    if (owner.uid !== undefined) execFileSync('chown', ['-R', `${owner.uid}:${owner.gid}`, data]);
    chmodSync(data, 0o700);
    return;
  }
  execFileSync(initdb, ['-D', data, ...initOptions], {
    ...{ stdio: ['ignore', 'ignore', 'inherit'], ...owner },
  });
  mkdirSync(kept, { recursive: true });
  const made = mkdtempSync(join(kept, 'made-'));
  execFileSync('cp', ['-R', data, join(made, 'data')]);
  try {
    renameSync(join(made, 'data'), copy);
  } catch {} // Another process was first.
  rmSync(made, { recursive: true });
}

type ServerSettings = Readonly<Record<string, string | number>>;

const usualSettings: ServerSettings = {
  ...{ listen_addresses: '', fsync: 'off', full_page_writes: 'off', max_wal_size: '256MB' },
  ...{ shared_buffers: '32MB', max_connections: 200, unix_socket_permissions: '0777' },
  ...{ wal_level: 'minimal', max_wal_senders: 0, log_min_messages: 'fatal' },
};

async function startCluster(): Promise<TestCluster> {
  const server = await startTestServer();
  const { url, directory: home } = server;
  let databases = 0;
  let template: Promise<string> | undefined;
  return {
    ...{ url, start: server.start, crash: server.crash },
    async database() {
      template ??= makeTemplate(home, url);
      const from = await template;
      databases += 1;
      const name = `test_${databases}`;
      await ask(url, `CREATE DATABASE ${name} TEMPLATE ${from} STRATEGY wal_log`);
      return urlOf(home, name);
    },
  };
}

/** A PostgreSQL, gone with the process. */
export interface TestServer {
  readonly url: string;
  /** Where its socket is. */
  readonly directory: string;
  /** Of the process that all others of it come from. */
  pid(): number;
  /** Ends it at once, as a crash would; start() brings it back. */
  crash(): Promise<void>;
  /** Begins it if it is not there. */
  start(): Promise<void>;
}

/** With settings of its own; `from`: a copy of that one, which goes on following it. */
export async function startTestServer(
  settings: ServerSettings = {},
  from?: TestServer,
): Promise<TestServer> {
  assertPrograms(programs);
  const home = mkdtempSync(join(tmpdir(), 'postrider-pg-'));
  const owner = user();
  if (owner.uid !== undefined) chownSync(home, owner.uid, owner.gid!);
  const data = join(home, 'data');
  const run = (program: string, options: readonly string[]) =>
    execFileSync(join(programs, program), options, {
      ...{ stdio: ['ignore', 'ignore', 'inherit'], ...owner },
    });
  if (from === undefined) makeData(programs, data, owner);
  else
    run('pg_basebackup', [
      ...['-D', data, '-h', from.directory, '-U', 'postrider', '-c', 'fast', '-R', '--no-sync'],
    ]);
  // Whoever has it listen at an address trusts all who come that way.
  if (settings.listen_addresses !== undefined)
    appendFileSync(join(data, 'pg_hba.conf'), 'host all all 10.0.0.0/8 trust\n');
  let running: Running | undefined;
  process.once('beforeExit', () => running?.end('INT'));
  process.once('exit', () => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
  const server: TestServer = {
    ...{ url: urlOf(home, 'postgres'), directory: home },
    pid: () => Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n', 1)[0]),
    async crash() {
      await running?.end('QUIT');
    },
    async start() {
      running = await startServer(
        programs,
        { home, data, owner },
        { ...usualSettings, ...settings },
      );
    },
  };
  await server.start();
  return server;
}

function assertPrograms(found: string | undefined): asserts found is string {
  if (found === undefined) throw new Error('there is no PostgreSQL here');
}

/** Limit: a wait that is longer is in vain, even on a machine that others keep busy. */
export const waitMsMax = 120_000;

interface Running {
  end(signal: 'INT' | 'QUIT'): Promise<void>;
}

interface Place {
  readonly home: string;
  readonly data: string;
  readonly owner: ReturnType<typeof user>;
}

/** A shell stands between: it ends the server when this process does, however that ends. */
async function startServer(
  bin: string,
  { home, data, owner }: Place,
  settings: ServerSettings,
): Promise<Running> {
  const server = [
    ...[join(bin, 'postgres'), '-D', data, '-k', home],
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  const script =
    '"$@" & server=$!; read -r signal || signal=QUIT; kill -$signal $server; wait $server';
  const shell = spawn('sh', ['-c', script, 'sh', ...server], {
    ...{ stdio: ['pipe', 'ignore', 'ignore'], ...owner },
  });
  const ended = new Promise<void>((resolve) => {
    shell.once('exit', () => resolve());
  });
  shell.unref();
  for (const end = performance.now() + waitMsMax; !(await answers(urlOf(home, 'postgres'))); ) {
    if (performance.now() > end) throw new Error('PostgreSQL does not start');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    async end(signal) {
      shell.stdin.end(`${signal}\n`);
      shell.ref();
      await ended;
    },
  };
}

const urlOf = (home: string, database: string): string =>
  `postgres://postrider@/${database}?host=${encodeURIComponent(home)}`;

async function answers(url: string): Promise<boolean> {
  try {
    await ask(url, 'SELECT 1');
    return true;
  } catch {
    return false;
  }
}

export async function ask(url: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    return await client.query(sql);
  } finally {
    await client.end().catch(() => {});
  }
}

async function makeTemplate(home: string, url: string): Promise<string> {
  await ask(url, 'CREATE DATABASE empty');
  const database = new Database({ url: urlOf(home, 'empty'), log: silentLog });
  try {
    await migrate(database);
  } finally {
    await database[Symbol.asyncDispose]();
  }
  return 'empty';
}
