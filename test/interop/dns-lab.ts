// A DNS of our own, of real programs: BIND has the zones, signed or not, below a signed root that is ours, too;
// Unbound validates what it says and is what the server under test asks. Both on loopback. A zone may be
// bogus: its parent vouches for another key, or what it says was changed after it was signed.

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../ports.ts';
import { eventually } from '../process.ts';
import { run, without } from './peers.ts';

export interface LabZone {
  /** `'example.test'` */
  readonly name: string;
  /** As a zone file has them, names relative to the zone's; SOA and NS are there already. */
  readonly records: string;
  /** Default: signed. `bogus`: signed by a key that nobody vouches for. */
  readonly state?: 'signed' | 'insecure' | 'bogus' | undefined;
  /** What becomes of the signed zone: one record a line, all in full. */
  readonly tamper?: ((zone: string) => string) | undefined;
}

export interface LabOptions {
  readonly zones: readonly LabZone[];
  /** Of the resolver. */
  readonly address?: string | undefined;
  /** For programs that ask whom resolv.conf names: needs root. */
  readonly port53?: boolean | undefined;
}

export interface DnsLab extends AsyncDisposable {
  /** The validating resolver, for `dns.servers`. */
  readonly server: string;
  /** The name server behind it, which validates nothing. */
  readonly authority: string;
  /** A zone with other records; what the resolver knew is forgotten. */
  publish(zone: LabZone): Promise<void>;
  /** What the two programs have said. */
  log(): string;
}

export const withoutDnsLab = (): string | false =>
  without('named', 'unbound', 'dnssec-keygen', 'dnssec-signzone', 'dnssec-dsfromkey');

/** Each second counts where many tests start one: keys are elliptic, and zones are signed at once. */
export async function startDnsLab(options: LabOptions): Promise<DnsLab> {
  const { address = '127.0.0.1' } = options;
  const home = mkdtempSync(join(tmpdir(), 'postrider-dns-'));
  const [port, authorityPort] = (await freePorts(2)) as [number, number];
  const zones = new Map(options.zones.map((zone) => [zone.name, zone]));
  let serial = 0;
  const sign = async (changed: Iterable<LabZone>) => {
    serial += 1;
    await Promise.all([...changed].map((zone) => writeZone(home, zone, serial)));
    await writeZone(home, { name: '.', records: delegations(home, zones.values()) }, serial);
    writeFileSync(join(home, 'named.conf'), namedConf(home, authorityPort, zones.keys()));
    const places = { address, port, authorityPort, port53: options.port53 };
    writeFileSync(join(home, 'unbound.conf'), unboundConf(home, places, zones.keys()));
  };
  const programs: Program[] = [];
  const isCurrent = () => answersWith(`${address}:${port}`, serial);
  const log = () => programs.map((program) => program.log()).join('');
  const dispose = async () => {
    await Promise.all(programs.map((program) => program[Symbol.asyncDispose]()));
    rmSync(home, { recursive: true, force: true });
  };
  try {
    await sign(zones.values());
    programs.push(start('named', ['-g', '-4', '-n', '1', '-c', join(home, 'named.conf')]));
    programs.push(start('unbound', ['-d', '-c', join(home, 'unbound.conf')]));
    await eventually(isCurrent, 'the resolver to answer');
  } catch (error) {
    const said = log();
    await dispose();
    throw new Error(`no DNS lab:\n${said}`, { cause: error });
  }
  return {
    server: `${address}:${port}`,
    authority: `127.0.0.1:${authorityPort}`,
    log,
    async publish(zone) {
      zones.set(zone.name, zone);
      await sign([zone]);
      await reload(programs, zone.name, { authority: `127.0.0.1:${authorityPort}`, serial });
      await eventually(isCurrent, `the resolver to know ${zone.name} anew`);
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** First the zones, then whoever remembers them: each reads its files again. */
async function reload(
  [named, unbound]: readonly Program[],
  name: string,
  { authority, serial }: { readonly authority: string; readonly serial: number },
) {
  named?.child.kill('SIGHUP');
  // It reads one zone after the other.
  const isRead = async () =>
    (await hasSerial(authority, name, serial)) && (await answersWith(authority, serial));
  await eventually(isRead, 'the name server to read its zones');
  if (unbound === undefined) return;
  // Its answer to one question may be new because its second is over, while another is remembered still.
  const starts = () => unbound.log().match(/start of service/g)?.length ?? 0;
  const before = starts();
  unbound.child.kill('SIGHUP');
  await eventually(() => (starts() > before ? true : undefined), 'the resolver to begin anew');
}

/** Our root says of which edition the whole is. */
async function answersWith(server: string, serial: number): Promise<true | undefined> {
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([server]);
  const [[text] = []] = await resolver.resolveTxt('edition').catch(() => []);
  return text === String(serial) ? true : undefined;
}

async function hasSerial(server: string, name: string, serial: number): Promise<true | undefined> {
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([server]);
  const found = await resolver.resolveSoa(name).catch(() => undefined);
  return found?.serial === serial ? true : undefined;
}

interface Program extends AsyncDisposable {
  readonly child: ChildProcess;
  log(): string;
}

function start(program: string, args: readonly string[]): Program {
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  child.on('error', (error) => {
    said += `${error.message}\n`;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    child,
    log: () => said,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

const fileOf = (home: string, name: string) => join(home, `zone-${name}`);
const keysOf = (home: string, name: string) => join(home, `keys-${name}`);

/** Writes the file that BIND reads; keys are made once. */
async function writeZone(home: string, zone: LabZone, serial: number): Promise<void> {
  const { name, records, state = 'signed', tamper = (text) => text } = zone;
  const file = fileOf(home, name);
  const head = `$TTL 1\n@ IN SOA ns.test. h.test. ${serial} 3600 600 86400 1\n@ IN NS ns.test.\n`;
  const edition = name === '.' ? `edition IN TXT "${serial}"\nns.test. IN A 127.0.0.1\n` : '';
  const text = `${head}${edition}${records}\n`;
  if (state === 'insecure') return writeFileSync(file, text);
  const keys = keysOf(home, name);
  if (mkdirSync(keys, { recursive: true }) !== undefined)
    await run('dnssec-keygen', ['-q', '-K', keys, '-a', 'ECDSAP256SHA256', '-f', 'KSK', name]);
  writeFileSync(`${file}.unsigned`, text);
  const signing = ['-q', '-S', '-z', '-K', keys, '-d', home, '-o', name, '-O', 'full'];
  await run('dnssec-signzone', [...signing, '-f', file, `${file}.unsigned`]);
  writeFileSync(file, tamper(readFileSync(file, 'utf8')));
}

/** What the root says of the zones: where they are, and by which key they are signed. */
function delegations(home: string, zones: Iterable<LabZone>): string {
  return [...zones]
    .map(({ name, state = 'signed' }) => {
      const there = `${name}. IN NS ns.test.\n`;
      if (state === 'insecure') return there;
      return there + (state === 'signed' ? keyDigest(home, name) : someOtherKey(name));
    })
    .join('');
}

/** DS records, as dnssec-signzone leaves them. */
const keyDigest = (home: string, name: string): string =>
  readFileSync(join(home, `dsset-${name === '.' ? '' : name}.`), 'utf8');
const someOtherKey = (name: string): string => `${name}. IN DS 4711 13 2 ${'ab'.repeat(32)}\n`;

function namedConf(home: string, port: number, zones: Iterable<string>): string {
  const zone = (name: string) =>
    `zone "${name}" { type primary; file "${fileOf(home, name)}"; masterfile-format text; };\n`;
  return `options {
  directory "${home}"; pid-file none; lock-file none; session-keyfile none;
  managed-keys-directory "${home}";
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; allow-transfer { none; }; notify no; check-names primary ignore;
  dnssec-validation no; minimal-responses yes; max-records-per-type 0;
};
controls { };
${['.', ...zones].map(zone).join('')}`;
}

interface Places {
  readonly address: string;
  readonly port: number;
  readonly authorityPort: number;
  readonly port53: boolean | undefined;
}

function unboundConf(home: string, places: Places, zones: Iterable<string>): string {
  const { address, port, authorityPort, port53 } = places;
  const anchor = keyDigest(home, '.').trim().split('\n')[0]!.replaceAll(/\s+/g, ' ');
  const stub = (name: string) =>
    `stub-zone:\n  name: "${name}"\n  stub-addr: 127.0.0.1@${authorityPort}\n  stub-prime: no\n`;
  return `server:
  interface: ${address}@${port}
${port53 === true ? `  interface: ${address}@53\n` : ''}  directory: "${home}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  verbosity: 1
  val-log-level: 2
  num-threads: 1
  do-ip6: no
  do-not-query-localhost: no
  access-control: 127.0.0.0/8 allow
  module-config: "validator iterator"
  trust-anchor: "${anchor}"
  local-zone: "test." nodefault
  local-zone: "127.in-addr.arpa." nodefault
  unblock-lan-zones: yes
  rrset-roundrobin: no
remote-control:
  control-enable: no
${['.', ...zones].map(stub).join('')}`;
}
