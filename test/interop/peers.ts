// The other programs that the interop tests talk to, and a loud word when one is not installed.

import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../process.ts';

export const run = promisify(execFile);

/**
 * For `it(…, { skip: without('swaks') })`: false, or why the test is skipped. A library is named by
 * its path from the root.
 */
export function without(...programs: string[]): string | false {
  const wanted = process.env.POSTRIDER_TEST_PEERS;
  if (wanted === 'none') return 'SKIPPED: POSTRIDER_TEST_PEERS=none';
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/'];
  const missing = programs.filter((name) => !folders.some((dir) => existsSync(join(dir, name))));
  if (missing.length === 0) return false;
  const why = `SKIPPED: ${missing.join(', ')} not installed (.ci/run installs it)`;
  if (wanted === 'required') throw new Error(why);
  console.error(why);
  return why;
}

/** Postfix wants root to start. */
export function withoutPostfix(): string | false {
  if (process.getuid?.() !== 0) return 'SKIPPED: a private Postfix needs root';
  return without('postfix', 'postconf');
}

export interface PostfixInstance extends AsyncDisposable {
  readonly port: number;
  readonly configDirectory: string;
  /** Where mail for users of `domain` arrives, one Maildir each. */
  readonly maildirs: string;
  log(): string;
}

/** A Postfix of our own: loopback only, no DNS, mail for `domain` to Maildirs, the rest to `relayTo`. */
export async function startPostfix(options: {
  /** Default: 127.0.0.1. */
  readonly address?: string;
  readonly port: number;
  readonly domain: string;
  readonly relayTo?: number;
  readonly settings?: Readonly<Record<string, string>>;
}): Promise<PostfixInstance> {
  const { address = '127.0.0.1' } = options;
  const home = mkdtempSync(join(tmpdir(), 'postrider-postfix-'));
  execFileSync('chmod', ['755', home]);
  const folder = (name: string) => {
    const path = join(home, name);
    mkdirSync(path);
    return path;
  };
  const [conf, queue, data, mail] = ['conf', 'queue', 'data', 'mail'].map(folder) as [
    string,
    string,
    string,
    string,
  ];
  execFileSync('chown', ['postfix', data]);
  execFileSync('chown', ['nobody', mail]);
  const id = (flag: string) => execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }).trim();
  const settings = {
    compatibility_level: '3.6',
    queue_directory: queue,
    data_directory: data,
    maillog_file: join(home, 'log'),
    maillog_file_prefixes: home,
    myhostname: 'postfix.test',
    mydestination: '',
    local_recipient_maps: '',
    alias_maps: '',
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    mynetworks: '127.0.0.0/8',
    smtpd_relay_restrictions: 'permit_mynetworks, reject',
    smtpd_peername_lookup: 'no',
    disable_dns_lookups: 'yes',
    smtp_host_lookup: 'native',
    smtputf8_enable: 'yes',
    virtual_mailbox_domains: options.domain,
    virtual_mailbox_base: mail,
    virtual_mailbox_maps: 'static:box/',
    virtual_uid_maps: `static:${id('-u')}`,
    virtual_gid_maps: `static:${id('-g')}`,
    relayhost: options.relayTo === undefined ? '' : `[127.0.0.1]:${options.relayTo}`,
    ...options.settings,
  };
  writeFileSync(
    join(conf, 'main.cf'),
    Object.entries(settings)
      .map(([key, value]) => `${key} = ${value}\n`)
      .join(''),
  );
  const services = [
    `${address}:${options.port} inet n - n - - smtpd`,
    'pickup unix n - n 60 1 pickup',
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'proxymap unix - - n - - proxymap',
    'smtp unix - - n - - smtp',
    'relay unix - - n - - smtp',
    'showq unix n - n - - showq',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'virtual unix - n n - - virtual',
    'anvil unix - - n - 1 anvil',
    'scache unix - - n - 1 scache',
    'postlog unix-dgram n - n - 1 postlogd',
  ];
  writeFileSync(join(conf, 'master.cf'), `${services.join('\n')}\n`);
  const log = () => {
    try {
      return readFileSync(join(home, 'log'), 'utf8');
    } catch {
      return '';
    }
  };
  await run('postfix', ['-c', conf, 'start']);
  await eventually(() => answers(address, options.port), 'Postfix to answer');
  return {
    port: options.port,
    configDirectory: conf,
    maildirs: mail,
    log,
    async [Symbol.asyncDispose]() {
      await run('postfix', ['-c', conf, 'stop']).catch(() => {});
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function answers(address: string, port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, address);
    socket.once('error', () => resolve(undefined));
    socket.once('data', () => {
      socket.end('QUIT\r\n');
      resolve(true);
    });
  });
}
