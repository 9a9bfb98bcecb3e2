// The keys that mail is signed with, as files: `<domain>/<selector>.pem` (PKCS #8) and `keys.json`, which says
// what each is for. The index is replaced whole, when the keys it names are there: whoever reads it meets
// the old ones or the new ones. RFC 6376 §3.6.1 and RFC 8463 §4 for what is published.

import type { KeyObject } from 'node:crypto';
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** `next` is published and does not sign yet; `retired` signs no more and is published still. */
export type KeyState = 'active' | 'next' | 'retired';

export interface KeyEntry {
  /** `d=`, in A-labels. */
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: 'rsa' | 'ed25519';
  readonly state: KeyState;
  /** When it came into this state, as `Date` writes it: ISO 8601. */
  readonly since: string;
}

/** What is wrong with the files, in words for the operator. */
export class KeyFilesError extends Error {
  override readonly name = 'KeyFilesError';
}

export const keyDirectory = (dataDirectory: string): string => join(dataDirectory, 'dkim');
export const indexFile = (directory: string): string => join(directory, 'keys.json');
export const keyFile = (directory: string, { domain, selector }: KeyEntry): string =>
  join(directory, domain, `${selector}.pem`);

/** [] where there are none. @throws KeyFilesError */
export function readIndex(directory: string): readonly KeyEntry[] {
  const path = indexFile(directory);
  try {
    const entries: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (Array.isArray(entries) && entries.every(isKeyEntry)) return entries;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    if (code !== undefined) throw new KeyFilesError(`${path} cannot be read (${code})`);
  }
  throw new KeyFilesError(`${path} is damaged`);
}

const name = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;
const states: readonly unknown[] = ['active', 'next', 'retired'];

export function isKeyEntry(value: unknown): value is KeyEntry {
  if (typeof value !== 'object' || value === null) return false;
  const { domain, selector, algorithm, state, since } = value as Partial<KeyEntry>;
  return (
    [domain, selector].every((text) => typeof text === 'string' && name.test(text)) &&
    (algorithm === 'rsa' || algorithm === 'ed25519') &&
    states.includes(state) &&
    typeof since === 'string'
  );
}

/** @throws KeyFilesError */
export function readKey(directory: string, entry: KeyEntry): KeyObject {
  const path = keyFile(directory, entry);
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = /^E[A-Z]+$/.test(code ?? '') ? code : 'it is no private key';
    throw new KeyFilesError(`${path} cannot be read (${why})`);
  }
  if (key.asymmetricKeyType !== entry.algorithm)
    throw new KeyFilesError(`${path} is no ${entry.algorithm} key`);
  return key;
}

export interface KeyRecord {
  readonly name: string;
  readonly type: 'TXT';
  readonly value: string;
}

/** What the DNS has to say of a key. @throws KeyFilesError */
export function recordOf(directory: string, entry: KeyEntry): KeyRecord {
  const der = createPublicKey(readKey(directory, entry)).export({ format: 'der', type: 'spki' });
  // RFC 8463 §4: of ed25519 the key alone, its last 32 octets.
  const published = entry.algorithm === 'rsa' ? der : der.subarray(-32);
  return {
    name: `${entry.selector}._domainkey.${entry.domain}`,
    type: 'TXT',
    value: `v=DKIM1; k=${entry.algorithm}; p=${published.toString('base64')}`,
  };
}

const dayMs = 24 * 60 * 60_000;
/** Limit: mail lies in queues for five days, and readers look at signatures of what lies in mailboxes. */
const retiredDays = 30;

/** One RSA and one ed25519 key, named by the day. @throws KeyFilesError */
export function createKeys(
  directory: string,
  { domain, state, now }: { domain: string; state: 'active' | 'next'; now: Date },
): readonly KeyEntry[] {
  const since = now.toISOString();
  const pairs = {
    rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
    ed25519: generateKeyPairSync('ed25519').privateKey,
  };
  return changeKeys(directory, (entries) => {
    const there = entries.filter((entry) => entry.domain === domain);
    if (there.some((entry) => entry.state === state))
      throw new KeyFilesError(`${domain} has keys already`);
    const day = freeDay(since.slice(0, 10).replaceAll('-', ''), there);
    mkdirSync(join(directory, domain), { recursive: true, mode: 0o700 });
    const made = (['rsa', 'ed25519'] as const).map((algorithm): KeyEntry => {
      const entry = { domain, selector: `${algorithm[0]}${day}`, algorithm, state, since };
      writeDurably(
        openSync(keyFile(directory, entry), 'w', 0o600),
        pairs[algorithm].export({ format: 'pem', type: 'pkcs8' }),
      );
      return entry;
    });
    return { entries: [...entries, ...made], result: made };
  });
}

/** What is next signs from now on. Keys that were retired long ago are deleted. @throws KeyFilesError */
export function activateKeys(
  directory: string,
  { domain, now }: { domain: string; now: Date },
): { readonly active: readonly KeyEntry[]; readonly removed: readonly KeyEntry[] } {
  const since = now.toISOString();
  const done = changeKeys(directory, (entries) => {
    const isOld = ({ state, since: then, ...entry }: KeyEntry) =>
      entry.domain === domain &&
      state === 'retired' &&
      Date.parse(then) < now.getTime() - retiredDays * dayMs;
    const removed = entries.filter(isOld);
    const changed = entries
      .filter((entry) => !isOld(entry))
      .map((entry): KeyEntry => {
        if (entry.domain !== domain || entry.state === 'retired') return entry;
        return { ...entry, state: entry.state === 'next' ? 'active' : 'retired', since };
      });
    const active = changed.filter((entry) => entry.domain === domain && entry.state === 'active');
    if (active.length === 0) throw new KeyFilesError(`${domain} has no next keys`);
    return { entries: changed, result: { active, removed } };
  });
  for (const entry of done.removed) rmSync(keyFile(directory, entry), { force: true });
  return done;
}

/** A second pair of the same day gets a letter. */
function freeDay(day: string, there: readonly KeyEntry[]): string {
  const taken = new Set(there.map(({ selector }) => selector.slice(1)));
  for (let letter = 0; letter < 26; letter += 1) {
    const tried = letter === 0 ? day : `${day}${String.fromCharCode(0x61 + letter)}`;
    if (!taken.has(tried)) return tried;
  }
  throw new KeyFilesError('there are too many keys of today');
}

interface Changed<T> {
  readonly entries: readonly KeyEntry[];
  readonly result: T;
}

/** One command at a time: the draft of the index is the lock. @throws KeyFilesError */
export function changeKeys<T>(
  directory: string,
  make: (entries: readonly KeyEntry[]) => Changed<T>,
): T {
  const path = indexFile(directory);
  const draft = `${path}.new`;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  let descriptor: number;
  try {
    descriptor = openSync(draft, 'wx', 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new KeyFilesError(
      code === 'EEXIST'
        ? `another command changes the keys; if there is none, it was cut off: delete ${draft}`
        : `${draft} cannot be written (${code})`,
    );
  }
  try {
    const { entries, result } = make(readIndex(directory));
    writeDurably(descriptor, `${JSON.stringify(entries, undefined, 2)}\n`);
    renameSync(draft, path);
    return result;
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

export function writeDurably(descriptor: number, text: string | Buffer): void {
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
