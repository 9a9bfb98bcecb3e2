// What the system says of names: its name servers (/etc/resolv.conf) and its own table of hosts
// (/etc/hosts). Both are read again when they change. Search lists are left alone: the names in
// mail are complete (RFC 5321 §5.1).

import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { queryName } from '../dns/name.ts';
import type { NameServer } from './dns-exchange.ts';

export interface ResolvConf {
  readonly servers: readonly NameServer[];
  /** `options trust-ad`: the AD bit of these servers is believed. */
  readonly trustAd: boolean;
}

/** Name to its addresses, both families. */
export type Hosts = ReadonlyMap<string, readonly string[]>;

/** Limit: how often a file is looked at. */
const checkEveryMs = 5_000;
/** Limit: some people's table of hosts blocks advertisements. */
const fileBytesMax = 8 * 2 ** 20;
/** Limit: glibc asks three. */
const serversMax = 8;

/** A file's text turned into a value, again whenever the file changes. */
export class WatchedFile<T> {
  readonly #path: string;
  readonly #parse: (text: string) => T;
  readonly #clock: Clock;
  #value: T;
  #version = '';
  #nextCheck = Number.NEGATIVE_INFINITY;
  #checking: Promise<boolean> | undefined;

  constructor(path: string, parse: (text: string) => T, clock: Clock) {
    this.#path = path;
    this.#parse = parse;
    this.#clock = clock;
    this.#value = parse('');
  }

  get value(): T {
    return this.#value;
  }

  /** True when the value is another now; undefined when there is nothing to wait for. */
  refresh(): Promise<boolean> | undefined {
    if (this.#checking !== undefined) return this.#checking;
    if (this.#clock.now() < this.#nextCheck) return undefined;
    this.#checking = this.#check().finally(() => {
      this.#nextCheck = this.#clock.now() + checkEveryMs;
      this.#checking = undefined;
    });
    return this.#checking;
  }

  // A file that is missing, unreadable or too large reads as empty.
  async #check(): Promise<boolean> {
    let text = '';
    let version = 'none';
    try {
      const { mtimeMs, ino, size } = await stat(this.#path);
      const found = `${mtimeMs} ${ino} ${size}`;
      if (found === this.#version) return false;
      if (size <= fileBytesMax) text = await readFile(this.#path, 'utf8');
      version = found;
    } catch (error) {
      // With too many files open nothing is known of this one: it is as it was, and looked at again.
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EMFILE' || code === 'ENFILE' || version === this.#version) return false;
    }
    this.#version = version;
    this.#value = this.#parse(text);
    return true;
  }
}

export function parseResolvConf(text: string): ResolvConf {
  const servers: NameServer[] = [];
  let trustAd = false;
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && servers.length < serversMax) {
      const server = parseServer(values[0] ?? '');
      if (server !== undefined) servers.push(server);
    }
    if (keyword === 'options' && values.includes('trust-ad')) trustAd = true;
  }
  // As libc does: without any, there is one on this machine.
  return { servers: servers.length > 0 ? servers : [{ address: '127.0.0.1', port: 53 }], trustAd };
}

/** '192.0.2.53', '192.0.2.53:5353', '2001:db8::53', '[2001:db8::53]:5353'. */
export function parseServer(text: string): NameServer | undefined {
  const match =
    /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text) ??
    /^(\d+\.\d+\.\d+\.\d+)(?::(\d{1,5}))?$/.exec(text);
  const address = match?.[1] ?? text;
  const port = Number(match?.[2] ?? 53);
  return isIP(address) !== 0 && port >= 1 && port <= 65_535 ? { address, port } : undefined;
}

export function parseHosts(text: string): Hosts {
  const hosts = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const name of names) {
      const key = queryName(name);
      if (key === undefined) continue;
      const addresses = hosts.get(key);
      if (addresses === undefined) hosts.set(key, [address]);
      else if (!addresses.includes(address)) addresses.push(address);
    }
  }
  return hosts;
}
